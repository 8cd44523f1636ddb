/** A clock that stands still until a test or a sleeper moves it. */
import type { Clock } from '../../capture/flow/context.ts';

export class FakeClock implements Clock {
  #now: number;
  readonly #wall: number;

  /** @param wall seconds since 1970. */
  constructor(now = 5, wall = Date.UTC(2026, 10, 26, 11) / 1000) {
    this.#now = now;
    this.#wall = wall;
  }
  readonly seconds = (): number => this.#now;
  readonly sleep = (seconds: number): void => this.advance(seconds);
  readonly wallSeconds = (): number => this.#wall;
  advance(seconds: number): void {
    this.#now += seconds;
  }
}
