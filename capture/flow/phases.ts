/** The phases of a capture: named on the console, timed for the manifest, and stopped when the overall deadline is over. */
import { Failure } from '../errors.ts';
import type { Heartbeat } from '../init/heartbeat.ts';
import type { CaptureHooks, Clock } from './context.ts';

export class DeadlineError extends Failure {}

export class Phases {
  /** Phase -> seconds, in the order they ran. */
  readonly seconds: Record<string, number> = {};
  readonly #clock: Clock;
  readonly #deadlineSeconds: number;
  readonly #hooks: CaptureHooks;
  readonly #heartbeat: Heartbeat;

  constructor(clock: Clock, deadlineSeconds: number, hooks: CaptureHooks, heartbeat: Heartbeat) {
    this.#clock = clock;
    this.#deadlineSeconds = deadlineSeconds;
    this.#hooks = hooks;
    this.#heartbeat = heartbeat;
  }

  /** Runs one phase. @throws what `work` throws, and DeadlineError when it is too late to begin. */
  run<T>(name: string, work: () => T): T {
    return this.runLast(name, () => {
      this.checkDeadline(name);
      return work();
    });
  }

  /** Runs a phase of the way home, for which it is never too late. */
  runLast<T>(name: string, work: () => T): T {
    const started = this.#clock.seconds();
    this.#heartbeat.enter(name);
    try {
      this.#hooks.onPhase?.(name);
      return work();
    } finally {
      // A second target runs its phases again.
      const seconds = (this.seconds[name] ?? 0) + this.#clock.seconds() - started;
      this.seconds[name] = Number(seconds.toFixed(3));
    }
  }

  /** To be called from long work whenever something has moved: what does not call it for long is taken to be stuck. */
  checkDeadline(phase: string): void {
    this.#heartbeat.beat();
    if (this.#clock.seconds() < this.#deadlineSeconds) return;
    throw new DeadlineError('DEADLINE', {
      action: `go on with the phase ${phase}`,
      actual: `the capture's ${this.#deadlineSeconds} s are over`,
      wanted: 'a larger deadlineSeconds for this machine',
    });
  }
}
