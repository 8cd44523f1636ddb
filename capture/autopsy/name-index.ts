/**
 * Finds numbered things by name without a string for each: a kernel has some 200,000 symbols and 100,000 types, and an
 * autopsy asks for a few hundred of them. A hash of the names' bytes chooses a chain. Damaged names may all be equal; a look-up
 * then ends after the first ones.
 */

/** One number for each byte, spread over 22 bits. */
export const SPREAD = Uint32Array.from({ length: 256 }, (_, byte) => Math.imul(byte + 1, 0x9e3779b1) >>> 10);

/**
 * The sum of a number for each byte, below 2^31 for the longest name. That of a name made of pieces is the sum of the pieces'
 * own, without looking at each byte. Names of the same bytes in another order share it: they are few, and a look-up compares
 * names anyway.
 */
export function hashOf(name: Uint8Array): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash += SPREAD[name[i]!]!;
  return hash;
}

/** Chains of kernels have a few numbers; a name that many static symbols share (`__func__.0`), a few thousand. */
const MOST_CANDIDATES = 1 << 14;

export class NameIndex {
  /** The first and the last number of each chain, and for each number the next one; all plus one, so that 0 ends a chain. */
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  readonly #next: Uint32Array;

  /** @param count numbers are below it. */
  constructor(count: number) {
    const chains = 2 ** Math.ceil(Math.log2(count + 1));
    this.#first = new Uint32Array(chains);
    this.#last = new Uint32Array(chains);
    this.#next = new Uint32Array(count);
  }

  /** Each number at most once. */
  add(hash: number, number: number): void {
    const lasts = this.#last;
    // As #chain, without a call for each name.
    const chain = (hash ^ (hash >>> 15)) & (lasts.length - 1);
    const last = lasts[chain]!;
    if (last === 0) this.#first[chain] = number + 1;
    else this.#next[last - 1] = number + 1;
    lasts[chain] = number + 1;
  }

  /** In the order in which they were added. Some may have another name. At most MOST_CANDIDATES. */
  *candidates(hash: number): Generator<number> {
    const chain = this.#chain(hash);
    let left = MOST_CANDIDATES;
    for (let at = this.#first[chain]!; at !== 0 && left > 0; at = this.#next[at - 1]!, left--) yield at - 1;
  }

  /** The high bits depend on more of the name than the low ones. */
  #chain(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.#first.length - 1);
  }
}
