/** Finds out whether a terminal is in use, by how long a timestamp has not changed. The timestamp may be of any clock. */

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
