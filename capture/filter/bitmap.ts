/**
 * A bit a page, stored as the kdump-compressed format stores its bitmaps: page `pfn` is bit `pfn & 7` of byte
 * `pfn / 8` (makedumpfile's IMPLEMENTATION, "1st bitmap" and "2nd bitmap").
 *
 * A pfn passes 2^31 on a machine of 8 TiB, so byte indexes come from a division, never from a 32-bit shift.
 */

const BITS_PER_BYTE = 8;

export class Bitmap {
  /** The bits as the file holds them; longer than `sizeBits` when the format pads it. */
  readonly bytes: Uint8Array;
  /** Pfns are below this. */
  readonly sizeBits: number;

  constructor(bytes: Uint8Array, sizeBits: number) {
    if (!Number.isSafeInteger(sizeBits) || sizeBits < 0 || sizeBits > bytes.length * BITS_PER_BYTE) {
      throw new RangeError(`a bitmap of ${sizeBits} bits does not fit into ${bytes.length} bytes`);
    }
    this.bytes = bytes;
    this.sizeBits = sizeBits;
  }

  /** An empty bitmap whose bytes fill whole blocks of `blockBytes`. */
  static create(sizeBits: number, blockBytes = 1): Bitmap {
    const blocks = Math.ceil(sizeBits / BITS_PER_BYTE / blockBytes);
    return new Bitmap(new Uint8Array(blocks * blockBytes), sizeBits);
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
    let total = 0;
    for (let i = 0; i < bytes.length; i++) {
      const pairs = bytes[i] - ((bytes[i] >>> 1) & 0x55);
      const nibbles = (pairs & 0x33) + ((pairs >>> 2) & 0x33);
      total += (nibbles + (nibbles >>> 4)) & 0x0f;
    }
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

  /** The first bit in `[pfn, limit)` that differs from the bits of `skipped`, a byte of all ones or all zeros. */
  #next(pfn: number, limit: number, skipped: number): number {
    const { bytes } = this;
    const end = Math.min(limit, this.sizeBits);
    if (pfn >= end) return end;
    const last = byteOf(end - 1);
    let index = byteOf(pfn);
    let differing = (bytes[index] ^ skipped) & maskFrom(pfn);
    while (differing === 0) {
      index++;
      while (index <= last && bytes[index] === skipped) index++;
      if (index > last) return end;
      differing = bytes[index] ^ skipped;
    }
    const lowest = 31 - Math.clz32(differing & -differing);
    return Math.min(index * BITS_PER_BYTE + lowest, end);
  }

  #check(startPfn: number, endPfn: number): void {
    if (!(startPfn >= 0 && startPfn <= endPfn && endPfn <= this.sizeBits)) {
      throw new RangeError(`pages [${startPfn}, ${endPfn}) lie outside a bitmap of ${this.sizeBits} bits`);
    }
  }
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
