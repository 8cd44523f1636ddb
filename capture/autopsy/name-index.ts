/**
 * Finds numbered things by name without a string for each: a kernel has some 200,000 symbols and 100,000 types, and an
 * autopsy asks for a few hundred of them. A hash of the names' bytes chooses a chain. Damaged names, which may all be
 * equal, make a look-up slow but not the index.
 */

/** FNV-1a; a name's hash is `hashByte` over its bytes, from here. */
export const HASH_START = 0x811c9dc5;

export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

export function hashOf(name: Uint8Array): number {
  let hash = HASH_START;
  for (const byte of name) hash = hashByte(hash, byte);
  return hash;
}

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
    const chain = hash & (this.#first.length - 1);
    const last = this.#last[chain]!;
    if (last === 0) this.#first[chain] = number + 1;
    else this.#next[last - 1] = number + 1;
    this.#last[chain] = number + 1;
  }

  /** In the order in which they were added. Some may have another name. */
  *candidates(hash: number): Generator<number> {
    const chain = hash & (this.#first.length - 1);
    for (let at = this.#first[chain]!; at !== 0; at = this.#next[at - 1]!) yield at - 1;
  }
}
