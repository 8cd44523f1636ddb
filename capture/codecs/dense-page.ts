/**
 * Recognises pages that hardly compress, by a look at a few of their words: kernel memory has zeros everywhere except in text, code,
 * and data that is already compressed or encrypted. A capture runs it uncompiled, where each word counts: 64 of 4 KiB took an eighth of
 * a dump.
 */

const WORD_BYTES = 4;

/** For pages of one size. */
export class DensePageDetector {
  readonly #pageSizeBytes: number;
  readonly #mostZeros: number;
  readonly #strideWords: number;
  readonly #firstWord: number;
  /** Of `#words`, which are those of the buffer asked for last. */
  #buffer: ArrayBufferLike = new ArrayBuffer(0);
  #words = new Int32Array(this.#buffer);
  readonly #aligned: Uint8Array;

  /**
   * @param mostZeros the share of the words looked at that are zero in a dense page at the most.
   * @param strideWords how far these are apart: odd, and spread within 64 bytes, so that they are not the same field of every
   * structure in an array.
   */
  constructor(pageSizeBytes: number, mostZeros: number, strideWords: number) {
    this.#pageSizeBytes = pageSizeBytes;
    this.#strideWords = strideWords;
    this.#firstWord = Math.floor(strideWords / 2);
    const looks = Math.ceil((pageSizeBytes / WORD_BYTES - this.#firstWord) / strideWords);
    this.#mostZeros = Math.floor(mostZeros * looks);
    this.#aligned = new Uint8Array(pageSizeBytes);
  }

  isDense(bytes: Uint8Array, offset: number): boolean {
    const { buffer, byteOffset } = bytes;
    const first = (byteOffset + offset) / WORD_BYTES;
    if (first % 1 !== 0) return this.isDense(this.#copy(bytes, offset), 0);
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / WORD_BYTES));
    }
    const words = this.#words;
    const end = first + this.#pageSizeBytes / WORD_BYTES;
    const stride = this.#strideWords;
    let zerosLeft = this.#mostZeros;
    for (let at = first + this.#firstWord; at < end; at += stride)
      if (words[at] === 0 && zerosLeft-- === 0) return false;
    return true;
  }

  /** At an address that words are read from. */
  #copy(bytes: Uint8Array, offset: number): Uint8Array {
    this.#aligned.set(bytes.subarray(offset, offset + this.#pageSizeBytes));
    return this.#aligned;
  }
}
