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

/** Chains of kernels have some 16 numbers; one with a name that many static symbols share (`__func__.0`), a few thousand. */
const MOST_CANDIDATES = 1 << 14;
const CHAIN_BITS = 4;

/**
 * One word for each number: the next number of its chain, plus one, so that 0 ends a chain, and above that the low bits of its own
 * hash, by which a look-up passes over most others of the chain.
 */
export class NameIndex {
  /** The first and the last number of each chain, plus one. */
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  readonly #words: Uint32Array;
  /** Of a word, for the next number. */
  readonly #numberBits: number;

  /** @param count numbers are below it. */
  constructor(count: number) {
    this.#numberBits = Math.ceil(Math.log2(count + 1));
    const chains = 2 ** Math.max(0, this.#numberBits - CHAIN_BITS);
    this.#first = new Uint32Array(chains);
    this.#last = new Uint32Array(chains);
    this.#words = new Uint32Array(count);
  }

  /** Each number at most once. */
  add(hash: number, number: number): void {
    const lasts = this.#last;
    // As #chain, without a call for each name.
    const chain = (hash ^ (hash >>> 15)) & (lasts.length - 1);
    const last = lasts[chain]!;
    if (last === 0) this.#first[chain] = number + 1;
    else this.#words[last - 1]! |= number + 1;
    this.#words[number] = hash << this.#numberBits;
    lasts[chain] = number + 1;
  }

  /** In the order in which they were added. Some may have another name. At most MOST_CANDIDATES. */
  *candidates(hash: number): Generator<number> {
    const bits = this.#numberBits;
    const own = hash << bits;
    const nextMask = 2 ** bits - 1;
    let left = MOST_CANDIDATES;
    for (let at = this.#first[this.#chain(hash)]!; at !== 0 && left > 0; left--) {
      const word = this.#words[at - 1]!;
      if ((word ^ own) >>> bits === 0) yield at - 1;
      at = word & nextMask;
    }
  }

  /** The high bits depend on more of the name than the low ones. */
  #chain(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.#first.length - 1);
  }
}
