/**
 * Finds numbered things by name without a string for each: a kernel has some 200,000 symbols and 20,000 named types, and an
 * autopsy asks for a hundred of them. Of each name 16 bits are kept, and a search of the runtime's own, which goes through all of
 * them faster than JavaScript follows a chain, gives those that may have a name.
 */

/** One 16-bit number for each byte: the bits of a product are all but alike for bytes next to each other, so they are mixed. */
export const SPREAD = Uint16Array.from({ length: 256 }, (_, byte) => {
  const product = Math.imul(byte + 1, 0x9e3779b1);
  return Math.imul(product ^ (product >>> 15), 0x85ebca6b) >>> 16;
});

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

/** Of a kernel's names some four share their bits; of a name that many static symbols have (`__func__.0`), a few thousand. */
const MOST_CANDIDATES = 1 << 14;
const PRINT_BYTES = 2;

/**
 * Ascending numbers of those that may have the name of this hash, at most MOST_CANDIDATES: damaged names may all be equal.
 * @param prints of each number the last 16 bits of its name's hash, which is what an Uint16Array keeps of one.
 */
export function* candidates(prints: Uint16Array, hash: number): Generator<number> {
  const bytes = Buffer.from(prints.buffer, prints.byteOffset, prints.byteLength);
  const wanted = new Uint8Array(Uint16Array.of(hash).buffer);
  // Of 16 bits and not of bytes: that is how ucs2 is searched.
  let at = bytes.indexOf(wanted, 0, 'ucs2');
  for (let left = MOST_CANDIDATES; at >= 0 && left > 0; left--) {
    yield at / PRINT_BYTES;
    at = bytes.indexOf(wanted, at + PRINT_BYTES, 'ucs2');
  }
}
