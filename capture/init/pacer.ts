/** A token bucket: how long to wait so that no more than a rate, and a burst, ever goes out. */

export class Pacer {
  readonly #bytesPerSecond: number;
  readonly #burstBytes: number;
  #tokens: number;
  #atSeconds: number;

  constructor(bytesPerSecond: number, burstBytes: number, nowSeconds: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#burstBytes = burstBytes;
    this.#tokens = burstBytes;
    this.#atSeconds = nowSeconds;
  }

  /** Takes `bytes` out, on credit where there are not enough. @returns seconds to wait before they may go out. */
  take(bytes: number, nowSeconds: number): number {
    const earned = Math.max(0, nowSeconds - this.#atSeconds) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#burstBytes, this.#tokens + earned) - bytes;
    this.#atSeconds = nowSeconds;
    return Math.max(0, -this.#tokens / this.#bytesPerSecond);
  }
}
