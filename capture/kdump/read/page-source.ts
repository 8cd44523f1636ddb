/**
 * The pages of a kdump-compressed file as a byte source in which the offset of a page is its physical address: code that
 * reads a vmcore can read this, with segments for the pages that are present.
 */

import type { Decompressor, PageCodecs } from '../../codecs/codec.ts';
import { DumpFormatError } from '../../errors.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import { DescriptorReader, isStoredPage, type KdumpFile } from './file.ts';
import { RankIndex } from './rank.ts';

const WINDOW_BYTES = 4 << 20;
/** Page tables and structures are read in small pieces, repeatedly from the same few pages. */
const CACHED_PAGES = 64;

export class KdumpPageSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly maxWindowBytes = WINDOW_BYTES;
  readonly #file: KdumpFile;
  readonly #pageSizeBytes: number;
  readonly #ranks: RankIndex;
  readonly #descriptors: DescriptorReader;
  readonly #codecs: PageCodecs;
  readonly #decompressors = new Map<number, Decompressor>();
  readonly #window: Uint8Array;
  readonly #cache: Uint8Array;
  readonly #cachedPfns = new Float64Array(CACHED_PAGES).fill(-1);

  constructor(file: KdumpFile, codecs: PageCodecs) {
    this.name = file.source.name;
    this.#file = file;
    this.#pageSizeBytes = file.header.block_size;
    this.sizeBytes = file.max_mapnr * this.#pageSizeBytes;
    this.#ranks = new RankIndex(file.bitmap2);
    this.#descriptors = new DescriptorReader(file);
    this.#codecs = codecs;
    this.#window = new Uint8Array(WINDOW_BYTES + 2 * this.#pageSizeBytes);
    this.#cache = new Uint8Array(CACHED_PAGES * this.#pageSizeBytes);
  }

  readAt(into: Uint8Array, offset: number): number {
    const lengthBytes = Math.max(0, Math.min(into.length, this.sizeBytes - offset));
    for (let done = 0; done < lengthBytes; ) {
      const inPage = (offset + done) % this.#pageSizeBytes;
      const part = Math.min(lengthBytes - done, this.#pageSizeBytes - inPage);
      const at = this.#cached(Math.floor((offset + done) / this.#pageSizeBytes)) + inPage;
      into.set(this.#cache.subarray(at, at + part), done);
      done += part;
    }
    return lengthBytes;
  }

  window(offset: number, lengthBytes: number): Uint8Array {
    if (lengthBytes > WINDOW_BYTES || offset < 0 || offset + lengthBytes > this.sizeBytes) {
      throw new RangeError(`no window of ${lengthBytes} bytes at ${offset} in ${this.name}`);
    }
    const first = Math.floor(offset / this.#pageSizeBytes);
    const end = Math.ceil((offset + lengthBytes) / this.#pageSizeBytes);
    for (let pfn = first; pfn < end; pfn++)
      this.#read(pfn, this.#window, (pfn - first) * this.#pageSizeBytes);
    const from = offset - first * this.#pageSizeBytes;
    return this.#window.subarray(from, from + lengthBytes);
  }

  close(): void {
    for (const decompressor of this.#decompressors.values()) decompressor.close();
    this.#decompressors.clear();
  }

  /** The offset of the page in the cache. */
  #cached(pfn: number): number {
    const slot = pfn % CACHED_PAGES;
    const at = slot * this.#pageSizeBytes;
    if (this.#cachedPfns[slot] === pfn) return at;
    this.#cachedPfns[slot] = -1;
    this.#read(pfn, this.#cache, at);
    this.#cachedPfns[slot] = pfn;
    return at;
  }

  /** @throws DumpFormatError for a page that is missing or damaged. */
  #read(pfn: number, into: Uint8Array, at: number): void {
    const { source, bitmap2 } = this.#file;
    const refuse = (actual: string) =>
      new DumpFormatError('PAGE_UNREADABLE', { action: `read page ${pfn} of ${this.name}`, actual });
    if (!bitmap2.has(pfn)) throw refuse('it was left out of the dump');
    const page = this.#descriptors.at(this.#ranks.of(pfn));
    if (!isStoredPage(this.#file, page))
      throw refuse(`its descriptor is damaged: ${page.size} bytes at ${page.offset}`);
    const stored = source.window(page.offset, page.size);
    if (page.flags === 0) {
      if (page.size !== this.#pageSizeBytes) throw refuse(`it has ${page.size} bytes and is not compressed`);
      into.set(stored, at);
      return;
    }
    if (!this.#decompressor(page.flags).decompress(stored, 0, page.size, into, at)) {
      throw refuse('it does not decompress into a page');
    }
  }

  #decompressor(flags: number): Decompressor {
    let decompressor = this.#decompressors.get(flags);
    if (!decompressor) {
      decompressor = this.#codecs.open(flags, this.#pageSizeBytes);
      this.#decompressors.set(flags, decompressor);
    }
    return decompressor;
  }
}
