/**
 * Takes pages in the order of bitmap2, compresses them and writes descriptors and data: two regions of the file that grow
 * in parallel, each through one buffer that is allocated once. Nothing here allocates per page.
 */

import type { Codec } from '../../codecs/codec.ts';
import { encodePageDescriptor, PAGE_DESC_BYTES, PAGE_DESC_WORDS } from '../format/descriptor.ts';
import { type DigestAlgorithm, openDigest, type RunningDigest } from '../format/digest.ts';
import type { DumpLayout } from '../format/layout.ts';
import type { DumpSink } from '../sink.ts';
import { entryKind, entrySize, type PageBatch, StoredAs } from './page-batch.ts';
import type { UnreadableAs } from './unreadable.ts';

/** One write to the target: large enough to make system calls cheap, small enough to stay in a processor’s cache until it is written. */
export const DATA_CHUNK_BYTES = 512 << 10;
/** A page for 64 bytes of data: some 500 pages fill the usual chunk, so that only many zero pages fill this buffer first. */
const descriptorsFor = (chunkBytes: number): number => Math.ceil(chunkBytes / 64);

export interface PageStoreOptions {
  readonly layout: DumpLayout;
  readonly codec: Codec;
  /** Dump level bit 1: zero pages are stored once and share a descriptor's contents. */
  readonly sharesZeroPage: boolean;
  readonly digestAlgorithm: DigestAlgorithm;
  /** `zeros` when left out. */
  readonly unreadableAs?: UnreadableAs;
  /** Bytes of a write, where memory for the usual ones is short. The file is the same. */
  readonly chunkBytes?: number;
}

export class PageStore {
  readonly #sink: DumpSink;
  readonly #codec: Codec;
  readonly #pageSizeBytes: number;
  readonly sharesZeroPage: boolean;
  readonly #unreadableAs: UnreadableAs;
  readonly #zeroPageOffset: number;

  readonly #chunkBytes: number;
  readonly #data: Uint8Array;
  #dataBytes = 0;
  /** Where in the file the data buffer begins. */
  #dataOffset: number;
  readonly dataDigest: RunningDigest;

  readonly #descriptors: Uint8Array;
  readonly #descriptorWords: Uint32Array;
  #descriptorCount = 0;
  #descriptorsOffset: number;
  readonly descriptorsDigest: RunningDigest;

  pagesStored = 0;
  pagesZero = 0;
  pagesUncompressed = 0;
  pagesAbsent = 0;

  constructor(sink: DumpSink, options: PageStoreOptions) {
    const { layout, codec, sharesZeroPage, digestAlgorithm } = options;
    this.#sink = sink;
    this.#codec = codec;
    this.#pageSizeBytes = layout.block_size;
    this.sharesZeroPage = sharesZeroPage;
    this.#dataOffset = layout.dataOffset;
    this.#descriptorsOffset = layout.descriptorsOffset;
    this.dataDigest = openDigest(digestAlgorithm);
    this.descriptorsDigest = openDigest(digestAlgorithm);
    // A chunk is written when it is full, and the page that fills it may exceed it.
    const { chunkBytes = DATA_CHUNK_BYTES } = options;
    this.#chunkBytes = chunkBytes;
    this.#descriptors = new Uint8Array(PAGE_DESC_BYTES * descriptorsFor(chunkBytes));
    this.#descriptorWords = new Uint32Array(this.#descriptors.buffer);
    this.#data = new Uint8Array(chunkBytes + Math.max(codec.maxOutputBytes, layout.block_size));
    this.#unreadableAs = options.unreadableAs ?? 'zeros';
    this.#zeroPageOffset = layout.dataOffset;
    if (sharesZeroPage) this.#dataBytes = layout.block_size;
  }

  /** Where the data ends so far. */
  get endOffset(): number {
    return this.#dataOffset + this.#dataBytes;
  }

  /** Stores so many pages, from `at` in `window` on. */
  add(window: Buffer, at: number, pages: number): void {
    for (let page = 0; page < pages; page++) this.#store(window, at + page * this.#pageSizeBytes);
  }

  /** Stores so many pages of zeros; `zeros` is one. */
  addZeros(zeros: Buffer, pages: number): void {
    if (this.sharesZeroPage) this.pagesZero += pages;
    for (let i = 0; i < pages; i++) {
      if (this.sharesZeroPage) this.addZero();
      else this.#store(zeros, 0);
    }
  }

  /** Adds a page that could not be read, as `zeros` or as missing. It is not counted as a zero page. */
  addMissing(zeros: Buffer): void {
    if (this.#unreadableAs === 'missing') this.addAbsent();
    else if (this.sharesZeroPage) this.addZero();
    else this.#store(zeros, 0);
  }

  /** Adds a page that shares the stored zero page. */
  addZero(): void {
    this.#describe(this.#zeroPageOffset, this.#pageSizeBytes, 0);
  }

  /** Adds the pages of a batch, with the same result as `add` and `addMissing`; their data is written without a copy. */
  addBatch({ data, entries }: PageBatch): void {
    this.flush();
    const count = entries[0];
    let sizeBytes = 0;
    for (let i = 1; i <= count; i++) sizeBytes += entrySize(entries[i]);
    let offset = this.#dataOffset;
    this.#write(data.subarray(0, sizeBytes));
    for (let i = 1; i <= count; i++) {
      const entry = entries[i];
      const kind = entryKind(entry);
      const size = entrySize(entry);
      if (kind === StoredAs.zero) this.pagesZero++;
      if (kind === StoredAs.raw) this.pagesUncompressed++;
      if (kind === StoredAs.missing && this.#unreadableAs === 'missing') this.addAbsent();
      else if (size === 0) this.addZero();
      else this.#describe(offset, size, kind === StoredAs.raw ? 0 : this.#codec.statusFlag);
      offset += size;
    }
  }

  /** Adds a page that is compressed already. */
  addStored(stored: Uint8Array, flags: number): void {
    const offset = this.endOffset;
    this.#data.set(stored, this.#dataBytes);
    this.#dataBytes += stored.length;
    this.#describe(offset, stored.length, flags);
  }

  /** Adds a page that an incomplete dump lacks: its descriptor has offset 0. */
  addAbsent(): void {
    this.pagesAbsent++;
    this.#describe(0, 0, 0);
  }

  /**
   * Writes the buffers, data first: then a file that is cut has no descriptor without its data, and missing descriptors
   * read as offset 0, which readers of an incomplete dump treat as a missing page.
   */
  flush(): void {
    if (this.#dataBytes > 0) {
      this.#write(this.#data.subarray(0, this.#dataBytes));
      this.#dataBytes = 0;
    }
    if (this.#descriptorCount > 0) {
      const descriptors = this.#descriptors.subarray(0, this.#descriptorCount * PAGE_DESC_BYTES);
      this.#sink.writeAt(descriptors, this.#descriptorsOffset);
      this.descriptorsDigest.update(descriptors);
      this.#descriptorsOffset += descriptors.length;
      this.#descriptorCount = 0;
    }
  }

  #write(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#sink.writeAt(data, this.#dataOffset);
    this.dataDigest.update(data);
    this.#dataOffset += data.length;
  }

  #store(window: Buffer, at: number): void {
    const codec = this.#codec;
    const dataBytes = this.#dataBytes;
    const offset = this.#dataOffset + dataBytes;
    const size = codec.compress(window, at, this.#data, dataBytes);
    if (size > 0) {
      this.#dataBytes = dataBytes + size;
      this.#describe(offset, size, codec.statusFlag);
    } else {
      this.pagesUncompressed++;
      window.copy(this.#data, dataBytes, at, at + this.#pageSizeBytes);
      this.#dataBytes = dataBytes + this.#pageSizeBytes;
      this.#describe(offset, this.#pageSizeBytes, 0);
    }
  }

  #describe(offset: number, size: number, flags: number): void {
    encodePageDescriptor(this.#descriptorWords, this.#descriptorCount * PAGE_DESC_WORDS, offset, size, flags);
    this.#descriptorCount++;
    this.pagesStored++;
    if (
      this.#dataBytes >= this.#chunkBytes ||
      this.#descriptorCount * PAGE_DESC_BYTES === this.#descriptors.length
    ) {
      this.flush();
    }
  }
}
