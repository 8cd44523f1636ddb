/** Whether a page holds nothing but zeros (dump level bit 1). */

const WORD_SHIFT = 2;
/** Between the words that are looked at first: 16 in a page of 4 KiB. Divides every page size. */
const PROBE_WORDS = 64;

/**
 * Tells zero pages of one size: nearly all that are none show it in a few words, and the rest is one native `memcmp`, which
 * compares faster than any loop here and costs a call.
 */
export class ZeroPageDetector {
  readonly #zeros: Buffer;
  readonly #pageWords: number;
  /** What the words lie in. */
  #buffer: ArrayBufferLike | undefined;
  #words: Int32Array = new Int32Array(0);

  constructor(pageSizeBytes: number) {
    this.#zeros = Buffer.alloc(pageSizeBytes);
    this.#pageWords = pageSizeBytes >> WORD_SHIFT;
  }

  isZero(window: Buffer, offset: number): boolean {
    if (window.buffer !== this.#buffer) this.#open(window.buffer);
    const words = this.#words;
    // At an odd address, from the first word on that is all of the page.
    const start = ((window.byteOffset + offset + 3) | 0) >> WORD_SHIFT;
    const end = start + this.#pageWords - 1;
    for (let i = start; i < end; i += PROBE_WORDS) if (words[i] !== 0) return false;
    const zeros = this.#zeros;
    return window.compare(zeros, 0, zeros.length, offset, offset + zeros.length) === 0;
  }

  #open(buffer: ArrayBufferLike): void {
    this.#buffer = buffer;
    this.#words = new Int32Array(buffer, 0, buffer.byteLength >> WORD_SHIFT);
  }
}
