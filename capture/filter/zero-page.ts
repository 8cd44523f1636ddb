/** Whether a page holds nothing but zeros (dump level bit 1). */

const WORD_SHIFT = 2;
/** Distance of the words that are checked first: 16 of them in 4 KiB. It divides every page size. */
const PROBE_WORDS = 64;

/**
 * Finds zero pages of one size. Nearly all other pages show a non-zero word within a few; what remains is decided by one
 * native `memcmp`, which is faster than a loop here but costs a call.
 */
export class ZeroPageDetector {
  readonly #zeros: Buffer;
  readonly #pageWords: number;
  /** The buffer of `#words`. */
  #buffer: ArrayBufferLike | undefined;
  #words: Int32Array = new Int32Array(0);

  constructor(pageSizeBytes: number) {
    this.#zeros = Buffer.alloc(pageSizeBytes);
    this.#pageWords = pageSizeBytes >> WORD_SHIFT;
  }

  isZero(window: Buffer, offset: number): boolean {
    if (window.buffer !== this.#buffer) this.#open(window.buffer);
    const words = this.#words;
    // At an unaligned address, start with the first word that is wholly within the page.
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
