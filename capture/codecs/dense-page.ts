/**
 * Recognises pages that hardly compress, by a quick scan of one word in each 64 bytes: kernel memory has zeros everywhere except in
 * text, code, and data that is already compressed or encrypted. A capture runs it uncompiled, where each step counts: in a loop over
 * single bytes it was a quarter of a dump's instructions.
 */

const WORD_BYTES = 4;
const STRETCH_WORDS = 64 / WORD_BYTES;
/** Odd, so that the scan does not hit the same field of every structure in an array. */
const STRIDE_WORDS = 7;
/** From here on the same words of stretches are scanned again. */
const PERIOD_WORDS = STRETCH_WORDS * STRETCH_WORDS;
/** Every page size is a multiple of these four periods. */
const ROUND_WORDS = 4 * PERIOD_WORDS;

/** For pages of one size. */
export class DensePageDetector {
  readonly #pageSizeBytes: number;
  readonly #mostZeros: number;
  /** Of `#words`, which are those of the buffer asked for last. */
  #buffer: ArrayBufferLike = new ArrayBuffer(0);
  #words = new Int32Array(this.#buffer);
  readonly #aligned: Uint8Array;

  /** @param mostZeros the share of the scanned words that are zero in a dense page at the most. */
  constructor(pageSizeBytes: number, mostZeros: number) {
    this.#pageSizeBytes = pageSizeBytes;
    this.#mostZeros = Math.floor(mostZeros * (pageSizeBytes / WORD_BYTES / STRETCH_WORDS));
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
    let zerosLeft = this.#mostZeros;
    for (let round = first; round < end; round += ROUND_WORDS) {
      for (let stretch = 0; stretch < STRETCH_WORDS; stretch++) {
        const at = round + stretch * STRETCH_WORDS + ((stretch * STRIDE_WORDS) % STRETCH_WORDS);
        if (words[at] === 0) zerosLeft--;
        if (words[at + PERIOD_WORDS] === 0) zerosLeft--;
        if (words[at + 2 * PERIOD_WORDS] === 0) zerosLeft--;
        if (words[at + 3 * PERIOD_WORDS] === 0) zerosLeft--;
        if (zerosLeft < 0) return false;
      }
    }
    return true;
  }

  /** At an address that words are read from. */
  #copy(bytes: Uint8Array, offset: number): Uint8Array {
    this.#aligned.set(bytes.subarray(offset, offset + this.#pageSizeBytes));
    return this.#aligned;
  }
}
