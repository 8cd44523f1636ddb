/** A Huffman code for many pages, as a histogram that igzip makes its tables of. */

/** Lengths of codes in bits, as runs: [length, how many symbols in a row have it]. */
type Runs = readonly (readonly [lengthBits: number, symbols: number])[];

export interface CodeLengths {
  /** Of the bytes, the end of a block and the lengths of matches: 286. */
  readonly literals: Runs;
  /** Of the distances of matches: 30. */
  readonly distances: Runs;
}

/** ISAL_DEF_LIT_LEN_SYMBOLS, ISAL_DEF_DIST_SYMBOLS; struct isal_huff_histogram, with its working memory (igzip_lib.h). */
const LITERAL_SYMBOLS = 286;
const DISTANCE_SYMBOLS = 30;
const HISTOGRAM_BYTES = 18_912;
const LONGEST_BITS = 15;

/**
 * For pages of kernel memory with 51 to 75 % of zeros. Of 24,738 such pages of three machines (6.1 in use, 6.12 and 6.12 for arm64 just
 * booted), by what all of them take together with the code in each of them, so neighbours have the same length where that costs
 * little: the code takes 49 bytes of a page, and one of exact lengths 110.
 */
export const HALF_EMPTY_PAGES_CODE: CodeLengths = {
  // biome-ignore format: one run after the other
  literals: [
    [4, 1], [9, 7], [6, 1], [9, 63], [7, 1], [10, 63], [6, 1], [10, 63], [7, 1], [10, 54], [6, 1], [10, 2], [5, 3], [3, 2], [7, 4],
    [5, 1], [9, 1], [5, 2], [7, 6], [10, 9],
  ],
  // biome-ignore format: one run after the other
  distances: [[4, 1], [8, 3], [5, 1], [2, 1], [5, 4], [4, 1], [3, 1], [5, 8], [4, 1], [7, 2], [11, 7]],
};

/** A struct isal_huff_histogram of which these lengths come: symbols count half as often with each bit more. */
export function histogramOf({ literals, distances }: CodeLengths): Uint8Array {
  const bytes = new Uint8Array(HISTOGRAM_BYTES);
  const counts = new BigUint64Array(bytes.buffer, 0, LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
  let at = 0;
  for (const [bits, symbols] of [...literals, ...distances]) {
    counts.fill(1n << BigInt(LONGEST_BITS - bits), at, at + symbols);
    at += symbols;
  }
  return bytes;
}
