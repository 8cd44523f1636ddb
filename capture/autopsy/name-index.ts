/**
 * Finds numbered things by name without a string for each: a kernel has some 200,000 symbols and 100,000 types, and an
 * autopsy asks for a few hundred of them. A hash of the names' bytes chooses a chain. Damaged names may all be equal; a look-up
 * then ends after the first ones.
 */

/** Odd, so that no bit of a name is lost. */
const FACTOR = 0x01000193;

/**
 * The hash of a name: a polynomial of its bytes. That of a name made of pieces follows from the pieces' own, without looking
 * at each byte: `hash * power(second) + hash(second)`.
 */
export function hashOf(name: Uint8Array): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, FACTOR) + name[i]!) | 0;
  return hash;
}

/** Hash and power of each piece, for `joined`. */
export interface HashedPieces {
  readonly hashes: Int32Array;
  readonly powers: Int32Array;
}

export function hashedPieces(pieces: readonly Uint8Array[]): HashedPieces {
  return {
    hashes: Int32Array.from(pieces, piece => hashOf(piece)),
    powers: Int32Array.from(pieces, ({ length }) => {
      let power = 1;
      for (let i = 0; i < length; i++) power = Math.imul(power, FACTOR);
      return power;
    }),
  };
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
    const chain = this.#chain(hash);
    const last = this.#last[chain]!;
    if (last === 0) this.#first[chain] = number + 1;
    else this.#next[last - 1] = number + 1;
    this.#last[chain] = number + 1;
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
