/**
 * One bit per page, in the layout of the kdump-compressed format's bitmaps: page `pfn` is bit `pfn & 7` of byte
 * `pfn / 8` (makedumpfile's IMPLEMENTATION, "1st bitmap" and "2nd bitmap").
 *
 * Pfns exceed 2^31 on a machine of 8 TiB, so byte indexes come from a division, never from a 32-bit shift.
 */

const BITS_PER_BYTE = 8;
const WORD_BYTES = 4;

export class Bitmap {
  /** The bits as the file holds them; longer than `sizeBits` when the format pads it. */
  readonly bytes: Uint8Array;
  /** Pfns are below this. */
  readonly sizeBits: number;
  /** The same bits, four bytes at a time, because most of a large bitmap is long runs. An incomplete last word is left out. */
  readonly #words: Uint32Array;

  constructor(bytes: Uint8Array, sizeBits: number) {
    if (!Number.isSafeInteger(sizeBits) || sizeBits < 0 || sizeBits > bytes.length * BITS_PER_BYTE) {
      throw new RangeError(`a bitmap of ${sizeBits} bits does not fit into ${bytes.length} bytes`);
    }
    this.bytes = bytes;
    this.sizeBits = sizeBits;
    const isAligned = bytes.byteOffset % WORD_BYTES === 0;
    const words = isAligned ? Math.floor(bytes.length / WORD_BYTES) : 0;
    this.#words = new Uint32Array(
      isAligned ? bytes.buffer : new ArrayBuffer(0),
      isAligned ? bytes.byteOffset : 0,
      words,
    );
  }

  /** An empty bitmap whose bytes fill whole blocks of `blockBytes`. */
  static create(
    sizeBits: number,
    blockBytes = 1,
    allocate: (sizeBytes: number) => Uint8Array = sizeBytes => new Uint8Array(sizeBytes),
  ): Bitmap {
    const blocks = Math.ceil(sizeBits / BITS_PER_BYTE / blockBytes);
    return new Bitmap(allocate(blocks * blockBytes), sizeBits);
  }

  has(pfn: number): boolean {
    return pfn < this.sizeBits && (this.bytes[byteOf(pfn)] & (1 << (pfn & 7))) !== 0;
  }

  set(pfn: number): void {
    this.#check(pfn, pfn + 1);
    this.bytes[byteOf(pfn)] |= 1 << (pfn & 7);
  }

  clear(pfn: number): void {
    this.#check(pfn, pfn + 1);
    this.bytes[byteOf(pfn)] &= ~(1 << (pfn & 7));
  }

  setRange(startPfn: number, endPfn: number): void {
    this.#check(startPfn, endPfn);
    if (startPfn === endPfn) return;
    const { bytes } = this;
    const first = byteOf(startPfn);
    const last = byteOf(endPfn - 1);
    const firstMask = maskFrom(startPfn);
    const lastMask = maskTo(endPfn);
    if (first === last) {
      bytes[first] |= firstMask & lastMask;
      return;
    }
    bytes[first] |= firstMask;
    bytes.fill(0xff, first + 1, last);
    bytes[last] |= lastMask;
  }

  clearRange(startPfn: number, endPfn: number): void {
    this.#check(startPfn, endPfn);
    if (startPfn === endPfn) return;
    const { bytes } = this;
    const first = byteOf(startPfn);
    const last = byteOf(endPfn - 1);
    const firstMask = maskFrom(startPfn);
    const lastMask = maskTo(endPfn);
    if (first === last) {
      bytes[first] &= ~(firstMask & lastMask);
      return;
    }
    bytes[first] &= ~firstMask;
    bytes.fill(0, first + 1, last);
    bytes[last] &= ~lastMask;
  }

  /** How many bits are set. */
  count(): number {
    const { bytes } = this;
    const words = this.#words;
    let total = 0;
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      if (word !== 0) total += bitsOf(word);
    }
    for (let i = words.length * WORD_BYTES; i < bytes.length; i++) total += bitsOf(bytes[i]);
    return total;
  }

  /**
   * The first set bit in `[pfn, limit)`, or `limit` when there is none. Give a limit inside loops: a run of set bits can
   * be as long as the machine's memory.
   */
  nextSet(pfn: number, limit = this.sizeBits): number {
    return this.#next(pfn, limit, 0);
  }

  /** The first clear bit in `[pfn, limit)`, or `limit` when there is none. */
  nextClear(pfn: number, limit = this.sizeBits): number {
    return this.#next(pfn, limit, 0xff);
  }

  /** The first bit in `[pfn, limit)` that differs from those of `skipped`, which is 0 or 0xff. */
  #next(pfn: number, limit: number, skipped: number): number {
    const { bytes } = this;
    const end = Math.min(limit, this.sizeBits);
    if (pfn >= end) return end;
    const last = byteOf(end - 1);
    let index = byteOf(pfn);
    let differing = (bytes[index] ^ skipped) & maskFrom(pfn);
    while (differing === 0) {
      index++;
      while (index <= last && index % WORD_BYTES !== 0 && bytes[index] === skipped) index++;
      if (index % WORD_BYTES === 0) index = this.#skipWords(index, last, skipped);
      while (index <= last && bytes[index] === skipped) index++;
      if (index > last) return end;
      differing = bytes[index] ^ skipped;
    }
    const lowest = 31 - Math.clz32(differing & -differing);
    return Math.min(index * BITS_PER_BYTE + lowest, end);
  }

  /** From `index`, the start of a word, to the first word that is not all `skipped`, or to the end of the whole words. */
  #skipWords(index: number, last: number, skipped: number): number {
    const words = this.#words;
    const end = Math.min(words.length, Math.floor((last + 1) / WORD_BYTES));
    const wanted = skipped === 0 ? 0 : 0xffff_ffff;
    let at = index / WORD_BYTES;
    while (at < end && words[at] === wanted) at++;
    return at * WORD_BYTES;
  }

  #check(startPfn: number, endPfn: number): void {
    if (!(startPfn >= 0 && startPfn <= endPfn && endPfn <= this.sizeBits)) {
      throw new RangeError(`pages [${startPfn}, ${endPfn}) are outside a bitmap of ${this.sizeBits} bits`);
    }
  }
}

/** The number of set bits in a 32-bit word. */
function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function byteOf(pfn: number): number {
  return Math.floor(pfn / BITS_PER_BYTE);
}

/** The bits of pfn's byte from pfn up. */
function maskFrom(pfn: number): number {
  return (0xff << (pfn & 7)) & 0xff;
}

/** The bits below endPfn of the byte that holds endPfn - 1. */
function maskTo(endPfn: number): number {
  return 0xff >>> (7 - ((endPfn - 1) & 7));
}
