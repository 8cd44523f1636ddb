/** Whether a page holds nothing but zeros (dump level bit 1). */

const WORD_SHIFT = 2;
/** Distance of the words that are checked first: 16 of them in 4 KiB. It divides every page size. */
const PROBE_WORDS = 64;

/** Zero pages come in runs. As many bytes as this are decided by one call. */
const RUN_BYTES = 64 << 10;

/**
 * Finds zero pages of one size. Nearly all other pages show a non-zero word within a few; what remains is decided by one
 * native `memcmp` for a run of pages, which is faster than a loop here but costs a call.
 */
export class ZeroPageDetector {
  readonly #pageSizeBytes: number;
  readonly #pageWords: number;
  readonly #zeros: Buffer;
  /** Of `#words`. */
  #window: Buffer | undefined;
  #words: Int32Array = new Int32Array(0);
  #windowOffset = 0;

  constructor(pageSizeBytes: number) {
    this.#pageSizeBytes = pageSizeBytes;
    this.#pageWords = pageSizeBytes >> WORD_SHIFT;
    this.#zeros = Buffer.alloc(Math.max(RUN_BYTES, pageSizeBytes));
  }

  isZero(window: Buffer, offset: number): boolean {
    return this.zeroPages(window, offset, 1) === 1;
  }

  /** How many of the `pages` pages at `offset` are zero, up to the first that is not. May stop at some of a long run. */
  zeroPages(window: Buffer, offset: number, pages: number): number {
    if (window !== this.#window) this.#open(window);
    const pageSizeBytes = this.#pageSizeBytes;
    const most = Math.min(pages, this.#zeros.length / pageSizeBytes);
    let probed = 0;
    while (probed < most && this.#seemsZero(offset + probed * pageSizeBytes)) probed++;
    if (probed === 0 || this.#areZero(window, offset, probed)) return probed;
    let zero = 0;
    while (this.#areZero(window, offset + zero * pageSizeBytes, 1)) zero++;
    return zero;
  }

  #seemsZero(offset: number): boolean {
    const words = this.#words;
    // At an unaligned address, start with the first word that is wholly within the page.
    const start = ((this.#windowOffset + offset + 3) | 0) >> WORD_SHIFT;
    const end = start + this.#pageWords - 1;
    for (let i = start; i < end; i += PROBE_WORDS) if (words[i] !== 0) return false;
    return true;
  }

  #areZero(window: Buffer, offset: number, pages: number): boolean {
    const lengthBytes = pages * this.#pageSizeBytes;
    return window.compare(this.#zeros, 0, lengthBytes, offset, offset + lengthBytes) === 0;
  }

  #open(window: Buffer): void {
    const { buffer, byteOffset } = window;
    this.#window = window;
    this.#windowOffset = byteOffset;
    if (buffer !== this.#words.buffer)
      this.#words = new Int32Array(buffer, 0, buffer.byteLength >> WORD_SHIFT);
  }
}
