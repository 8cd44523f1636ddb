/**
 * One bit per page, in the layout of the kdump-compressed format's bitmaps: page `pfn` is bit `pfn & 7` of byte
 * `pfn / 8` (makedumpfile's IMPLEMENTATION, "1st bitmap" and "2nd bitmap").
 *
 * Pfns exceed 2^31 on a machine of 8 TiB, so byte indexes come from a division, never from a 32-bit shift.
 */

import type { PfnRange } from '../vmcore/segments.ts';

export const BITS_PER_BYTE = 8;
const WORD_BYTES = 4;
/** What a sparse bitmap allocates at once by default: 2 GiB of memory in pages of 4 KiB. */
export const CHUNK_BYTES = 64 << 10;
const NO_SLOT = -1;

/** Returns zeroed memory. Throws RangeError when there is none. */
export type Allocate = (sizeBytes: number) => Uint8Array;

const allocateOwn: Allocate = sizeBytes => new Uint8Array(sizeBytes);

/**
 * Physical addresses may have holes of petabytes, so a bitmap can be sparse: then it has memory only for some chunks, its
 * other bits are clear, and they cannot be set.
 */
export class Bitmap {
  /** All bits in the layout of the file, longer than `sizeBits` when padded. Of a sparse bitmap, the chunks that it has. */
  readonly bytes: Uint8Array;
  /** Pfns are below this. */
  readonly sizeBits: number;
  /** The numbers of the chunks in `bytes`, ascending; undefined when `bytes` are all. */
  readonly chunks: Uint32Array | undefined;
  /** The size of a chunk: a power of two. */
  readonly chunkBytes: number;
  readonly #chunkBits: number;
  /** For each chunk, where it is in `bytes`, in units of chunks. */
  readonly #slots: Int32Array | undefined;
  /**
   * The same bits, four bytes at a time, because most of a large bitmap is long runs. An incomplete last word is left out. They are
   * signed, because code that V8 has not compiled allocates memory for each number of 2^31 or more.
   */
  readonly #words: Int32Array;

  /** @param chunks see `chunks`; all of them have their full length in `bytes`. */
  constructor(bytes: Uint8Array, sizeBits: number, chunks?: Uint32Array, chunkBytes = CHUNK_BYTES) {
    const roomBits = chunks ? Number.MAX_SAFE_INTEGER : bytes.length * BITS_PER_BYTE;
    if (!Number.isSafeInteger(sizeBits) || sizeBits < 0 || sizeBits > roomBits) {
      throw new RangeError(`a bitmap of ${sizeBits} bits does not fit into ${bytes.length} bytes`);
    }
    this.bytes = bytes;
    this.sizeBits = sizeBits;
    this.chunks = chunks;
    this.chunkBytes = chunkBytes;
    this.#chunkBits = chunkBytes * BITS_PER_BYTE;
    this.#slots = chunks && slotsOf(chunks, Math.ceil(sizeBits / this.#chunkBits));
    const isAligned = bytes.byteOffset % WORD_BYTES === 0;
    const words = isAligned ? Math.floor(bytes.length / WORD_BYTES) : 0;
    this.#words = new Int32Array(
      isAligned ? bytes.buffer : new ArrayBuffer(0),
      isAligned ? bytes.byteOffset : 0,
      words,
    );
  }

  /** An empty bitmap whose bytes fill whole blocks of `blockBytes`. */
  static create(sizeBits: number, blockBytes = 1, allocate = allocateOwn): Bitmap {
    const blocks = Math.ceil(sizeBits / BITS_PER_BYTE / blockBytes);
    return new Bitmap(allocate(blocks * blockBytes), sizeBits);
  }

  /**
   * An empty bitmap with memory for the pages in `ranges` (sorted, disjoint): sparse, unless that makes no difference.
   * @throws RangeError when it would take more than `mostBytes`, and what `allocate` throws.
   */
  static over(
    ranges: readonly PfnRange[],
    sizeBits: number,
    {
      blockBytes = 1,
      allocate = allocateOwn,
      mostBytes = Number.MAX_SAFE_INTEGER,
      chunkBytes = CHUNK_BYTES,
    } = {},
  ): Bitmap {
    const chunks = chunksOf(ranges, chunkBytes, mostBytes);
    const bytes = chunks.length * chunkBytes;
    if (bytes * BITS_PER_BYTE >= sizeBits) return Bitmap.create(sizeBits, blockBytes, allocate);
    return new Bitmap(allocate(bytes), sizeBits, Uint32Array.from(chunks), chunkBytes);
  }

  /** An empty bitmap of the same size, with memory for the same pages. */
  alike(allocate = allocateOwn): Bitmap {
    return new Bitmap(allocate(this.bytes.length), this.sizeBits, this.chunks, this.chunkBytes);
  }

  copy(): Bitmap {
    return new Bitmap(this.bytes.slice(), this.sizeBits, this.chunks, this.chunkBytes);
  }

  has(pfn: number): boolean {
    if (!(pfn < this.sizeBits)) return false;
    const at = this.bitOf(pfn);
    return at !== NO_SLOT && (this.bytes[byteOf(at)] & (1 << (at & 7))) !== 0;
  }

  set(pfn: number): void {
    this.setRange(pfn, pfn + 1);
  }

  clear(pfn: number): void {
    this.clearRange(pfn, pfn + 1);
  }

  /** @throws RangeError for pages outside the bitmap, and for those that a sparse one has no memory for. */
  setRange(startPfn: number, endPfn: number): void {
    this.#check(startPfn, endPfn);
    for (let pfn = startPfn; pfn < endPfn; ) {
      const count = this.#pagesInChunk(pfn, endPfn);
      const at = this.bitOf(pfn);
      if (at === NO_SLOT) throw new RangeError(`the bitmap has no memory for page ${pfn}`);
      this.#fill(at, at + count, 0xff);
      pfn += count;
    }
  }

  /** @throws RangeError for pages outside the bitmap. */
  clearRange(startPfn: number, endPfn: number): void {
    this.#check(startPfn, endPfn);
    for (let pfn = startPfn; pfn < endPfn; ) {
      const count = this.#pagesInChunk(pfn, endPfn);
      const at = this.bitOf(pfn);
      if (at !== NO_SLOT) this.#fill(at, at + count, 0);
      pfn += count;
    }
  }

  /** Which bit of `bytes` a page below `sizeBits` has; NO_SLOT (-1) when a sparse bitmap has no memory for it. */
  bitOf(pfn: number): number {
    if (!this.#slots) return pfn;
    const chunk = Math.floor(pfn / this.#chunkBits);
    const slot = this.#slots[chunk];
    return slot === NO_SLOT ? NO_SLOT : pfn + (slot - chunk) * this.#chunkBits;
  }

  /** From `pfn` on, how many pages up to `endPfn` have their bits next to each other in `bytes`, or none of them memory. */
  #pagesInChunk(pfn: number, endPfn: number): number {
    const count = endPfn - pfn;
    return this.#slots ? Math.min(count, this.#chunkBits - (pfn % this.#chunkBits)) : count;
  }

  /** The bits of `bytes` from `start` to before `end`. @param value 0 or 0xff. */
  #fill(start: number, end: number, value: number): void {
    const { bytes } = this;
    const first = byteOf(start);
    const last = byteOf(end - 1);
    const firstMask = maskFrom(start);
    const lastMask = maskTo(end);
    if (first === last) {
      const mask = firstMask & lastMask;
      bytes[first] = (bytes[first] & ~mask) | (value & mask);
      return;
    }
    bytes[first] = (bytes[first] & ~firstMask) | (value & firstMask);
    bytes.fill(value, first + 1, last);
    bytes[last] = (bytes[last] & ~lastMask) | (value & lastMask);
  }

  /**
   * The bytes from `byteOffset` on, in the layout of the file. Padding, and what has no memory, is zeros.
   * @param buffer is used, and overwritten, where they are not in one piece.
   */
  fileBytes(byteOffset: number, lengthBytes: number, buffer: Uint8Array): Uint8Array {
    const end = byteOffset + lengthBytes;
    if (!this.chunks && end <= this.bytes.length) return this.bytes.subarray(byteOffset, end);
    const result = buffer.subarray(0, lengthBytes).fill(0);
    for (let at = byteOffset; at < end && at * BITS_PER_BYTE < this.sizeBits; ) {
      const { chunkBytes } = this;
      const nextAt = this.#slots ? Math.min(end, (Math.floor(at / chunkBytes) + 1) * chunkBytes) : end;
      const bit = this.bitOf(at * BITS_PER_BYTE);
      const from = bit / BITS_PER_BYTE;
      if (bit !== NO_SLOT) result.set(this.bytes.subarray(from, from + nextAt - at), at - byteOffset);
      at = nextAt;
    }
    return result;
  }

  /** How many bits are set. */
  count(): number {
    const { length } = this.bytes;
    return length === 0 ? 0 : this.#countBits(0, length * BITS_PER_BYTE);
  }

  /** How many bits in `[startPfn, endPfn)` are set. */
  countIn(startPfn: number, endPfn: number): number {
    const end = Math.min(endPfn, this.sizeBits);
    let total = 0;
    for (let pfn = startPfn; pfn < end; ) {
      const count = this.#pagesInChunk(pfn, end);
      const bit = this.bitOf(pfn);
      if (bit !== NO_SLOT) total += this.#countBits(bit, bit + count);
      pfn += count;
    }
    return total;
  }

  /** As `countIn`, for the bits of `bytes` from `bit` to before `end`. */
  #countBits(bit: number, end: number): number {
    const { bytes } = this;
    const words = this.#words;
    const first = byteOf(bit);
    const last = byteOf(end - 1);
    if (first === last) return bitsOf(bytes[first] & maskFrom(bit) & maskTo(end));
    let total = bitsOf(bytes[first] & maskFrom(bit)) + bitsOf(bytes[last] & maskTo(end));
    let index = first + 1;
    for (; index < last && index % WORD_BYTES !== 0; index++) total += bitsOf(bytes[index]);
    const wholeEnd = Math.min(words.length * WORD_BYTES, last - (last % WORD_BYTES));
    for (; index < wholeEnd; index += WORD_BYTES) {
      const word = words[index / WORD_BYTES];
      if (word !== 0) total += bitsOf(word);
    }
    for (; index < last; index++) total += bitsOf(bytes[index]);
    return total;
  }

  /**
   * The first set bit in `[pfn, limit)`, or `limit` when there is none. Give a limit inside loops: a run of set bits can
   * be as long as the machine's memory.
   */
  nextSet(pfn: number, limit = this.sizeBits): number {
    const next = this.#next(pfn, limit, 0);
    // Of a range that ends past the bitmap: a loop up to `limit` must end there.
    return next < this.sizeBits ? next : limit;
  }

  /** The first clear bit in `[pfn, limit)`, or `limit` when there is none. */
  nextClear(pfn: number, limit = this.sizeBits): number {
    return this.#next(pfn, limit, 0xff);
  }

  /** The first bit in `[pfn, limit)` that differs from those of `skipped`, which is 0 or 0xff. */
  #next(pfn: number, limit: number, skipped: number): number {
    const end = Math.min(limit, this.sizeBits);
    for (let at = pfn; at < end; ) {
      const count = this.#pagesInChunk(at, end);
      const bit = this.bitOf(at);
      // Clear bits, as `skipped` 0 is.
      const found =
        bit !== NO_SLOT ? this.#nextBit(bit, bit + count, skipped) - bit : skipped === 0 ? count : 0;
      if (found < count) return at + found;
      at += count;
    }
    return end;
  }

  /** As `#next`, for the bits of `bytes` from `bit` to before `end`. */
  #nextBit(bit: number, end: number, skipped: number): number {
    const { bytes } = this;
    const last = byteOf(end - 1);
    let index = byteOf(bit);
    let differing = (bytes[index] ^ skipped) & maskFrom(bit);
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
    const wanted = skipped === 0 ? 0 : -1;
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

function slotsOf(chunks: Uint32Array, count: number): Int32Array {
  const slots = new Int32Array(count).fill(NO_SLOT);
  for (let slot = 0; slot < chunks.length; slot++) slots[chunks[slot]] = slot;
  return slots;
}

/** The chunks that `ranges` touch. @throws RangeError for chunks of more than `mostBytes`. */
function chunksOf(ranges: readonly PfnRange[], chunkBytes: number, mostBytes: number): number[] {
  const chunks: number[] = [];
  const chunkBits = chunkBytes * BITS_PER_BYTE;
  for (const { start, end } of ranges) {
    const last = Math.floor((end - 1) / chunkBits);
    for (
      let chunk = Math.max(Math.floor(start / chunkBits), (chunks.at(-1) ?? -1) + 1);
      chunk <= last;
      chunk++
    ) {
      if ((chunks.length + 1) * chunkBytes > mostBytes)
        throw new RangeError(`a bitmap of ${mostBytes} bytes is too small`);
      chunks.push(chunk);
    }
  }
  return chunks;
}
