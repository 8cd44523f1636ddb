/** Pages in the order in which a debugger needs them, each once. */

/** Takes pages until it has as many as it may. */
export class PageOrder {
  readonly pfns: number[] = [];
  readonly #found = new Set<number>();
  readonly #isHeld: (pfn: number) => boolean;
  readonly #most: number;

  /** @param isHeld whether the dump that is to be made has the page. */
  constructor(isHeld: (pfn: number) => boolean, most: number) {
    this.#isHeld = isHeld;
    this.#most = most;
  }

  get isFull(): boolean {
    return this.pfns.length >= this.#most;
  }

  has(pfn: number): boolean {
    return this.#found.has(pfn);
  }

  add(pfn: number): void {
    // Most have been found: what is read once is read again.
    if (this.#found.has(pfn) || this.isFull || !this.#isHeld(pfn)) return;
    this.#found.add(pfn);
    this.pfns.push(pfn);
  }

  addAll(pfns: Iterable<number>): void {
    for (const pfn of pfns) this.add(pfn);
  }
}
