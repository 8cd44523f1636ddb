/** Whether anybody is there: time since a stamp last changed. The stamp's own clock may be any. */

export class IdleTimer {
  readonly #limitSeconds: number;
  #stamp: number | undefined;
  #since: number;

  /** @param limitSeconds 0 for no limit. */
  constructor(limitSeconds: number, nowSeconds: number) {
    this.#limitSeconds = limitSeconds;
    this.#since = nowSeconds;
  }

  look(stamp: number, nowSeconds: number): 'waiting' | 'over' {
    if (stamp !== this.#stamp) {
      this.#stamp = stamp;
      this.#since = nowSeconds;
    }
    return this.#limitSeconds > 0 && nowSeconds - this.#since >= this.#limitSeconds ? 'over' : 'waiting';
  }
}
