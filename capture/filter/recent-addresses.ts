/**
 * Which pages of the address space were looked at lately. Most pointers of a kernel lead to few pages, and a capture runs
 * without an optimizing compiler: what must not be done twice is then most of the work.
 */

/** A power of two. */
const SLOTS = 1 << 13;

/** Forgets a page when another one needs its slot. */
export class RecentAddresses {
  readonly #shift: number;
  readonly #highs = new Uint32Array(SLOTS);
  readonly #lows = new Uint32Array(SLOTS);

  /** @param pageSizeBytes a power of two. */
  constructor(pageSizeBytes: number) {
    this.#shift = Math.log2(pageSizeBytes);
  }

  /** The halves of an address, whose upper one is not 0. @returns whether its page was there already. */
  has(high: number, low: number): boolean {
    const page = low >>> this.#shift;
    const slot = (page ^ (page >>> 13) ^ high) & (SLOTS - 1);
    return this.#lows[slot] === page && this.#highs[slot] === high;
  }

  add(high: number, low: number): void {
    const page = low >>> this.#shift;
    const slot = (page ^ (page >>> 13) ^ high) & (SLOTS - 1);
    this.#highs[slot] = high;
    this.#lows[slot] = page;
  }
}
