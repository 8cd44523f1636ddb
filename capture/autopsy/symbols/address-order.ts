/**
 * Symbols by ascending address. The kernel sorts them; damaged ones, and modes that it does not sort by, must not break the search.
 * Whether they are sorted is looked at a block at a time, where something is looked for: there are 200,000, and an autopsy asks for
 * some hundred addresses.
 */

/** Symbols of a block. */
const BLOCK = 1 << 6;
const BLOCK_SHIFT = Math.log2(BLOCK);

export class AddressOrder {
  readonly #count: number;
  /** See AddressMode. */
  readonly #position: (number: number) => number;
  /** Of the first symbol of each block. */
  readonly #firsts: Float64Array;
  readonly #isSorted: Uint8Array;
  /** Numbers by ascending position, where they are not in that order already. */
  #order: Uint32Array | undefined;

  constructor(count: number, position: (number: number) => number) {
    this.#count = count;
    this.#position = position;
    this.#firsts = Float64Array.from({ length: Math.ceil(count / BLOCK) }, (_, i) => position(i * BLOCK));
    this.#isSorted = new Uint8Array(this.#firsts.length);
    if (this.#firsts.some((first, i) => i > 0 && first < this.#firsts[i - 1]!)) this.#sort();
  }

  /** The number of the symbol with so many before it. */
  at(rank: number): number {
    return this.#order ? this.#order[rank]! : rank;
  }

  /** How many symbols have a lower position. */
  firstFrom(position: number): number {
    if (this.#order) return this.#search(position, 0, this.#count);
    const blocks = firstFrom(position, 0, this.#firsts.length, i => this.#firsts[i]!);
    if (blocks === 0) return 0;
    const start = (blocks - 1) << BLOCK_SHIFT;
    const end = Math.min(start + BLOCK, this.#count);
    if (this.#isSortedFrom(start, end)) return this.#search(position, start + 1, end);
    this.#sort();
    return this.#search(position, 0, this.#count);
  }

  #search(position: number, low: number, high: number): number {
    return firstFrom(position, low, high, rank => this.#position(this.at(rank)));
  }

  /** Whether a block ascends, up to the next one's first. */
  #isSortedFrom(start: number, end: number): boolean {
    const block = start >> BLOCK_SHIFT;
    if (this.#isSorted[block] === 1) return true;
    let previous = this.#firsts[block]!;
    for (let number = start + 1; number < end; number++) {
      const position = this.#position(number);
      if (position < previous) return false;
      previous = position;
    }
    if (block + 1 < this.#firsts.length && previous > this.#firsts[block + 1]!) return false;
    this.#isSorted[block] = 1;
    return true;
  }

  #sort(): void {
    const positions = Float64Array.from({ length: this.#count }, (_, number) => this.#position(number));
    this.#order = Uint32Array.from(positions.keys()).sort((a, b) => positions[a]! - positions[b]! || a - b);
  }
}

/** The first from `from` on, below `end`, that is not lower than `position`; `end` where all are. */
function firstFrom(position: number, from: number, end: number, positionAt: (i: number) => number): number {
  let [low, high] = [from, end];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (positionAt(middle) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
