/**
 * Pages that a thread compressed for the thread that writes: their data end to end, and for each page a word with its kind
 * and size.
 */

import type { Codec } from '../../codecs/codec.ts';
import type { PageTaker } from './page-loop.ts';
import type { UnreadableAs } from './unreadable.ts';

/** The upper byte of an entry; the rest of it is the page's length in the data. */
export const StoredAs = { compressed: 0, raw: 1, zero: 2, missing: 3 } as const;

const KIND_SHIFT = 24;
const SIZE_MASK = (1 << KIND_SHIFT) - 1;

export interface PageBatch {
  readonly data: Buffer;
  /** The number of entries, then the entries. */
  readonly entries: Uint32Array;
}

/** The room that `pages` pages need at most, in bytes. */
export function batchRoom(
  pages: number,
  codec: Codec,
  pageSizeBytes: number,
): { data: number; entries: number } {
  return {
    data: pages * Math.max(codec.maxOutputBytes, pageSizeBytes),
    entries: (pages + 1) * Uint32Array.BYTES_PER_ELEMENT,
  };
}

export function entryOf(kind: number, size: number): number {
  return (kind << KIND_SHIFT) | size;
}

export function entrySize(entry: number): number {
  return entry & SIZE_MASK;
}

export function entryKind(entry: number): number {
  return entry >>> KIND_SHIFT;
}

/** Fills one batch after another with pages in order. */
export class BatchFiller implements PageTaker {
  readonly #codec: Codec;
  readonly #pageSizeBytes: number;
  readonly #sharesZeroPage: boolean;
  readonly #unreadableAs: UnreadableAs;
  #batch: PageBatch | undefined;
  #dataBytes = 0;
  #count = 0;

  /** @param unreadableAs as that of the store that takes the batches. */
  constructor(codec: Codec, pageSizeBytes: number, sharesZeroPage: boolean, unreadableAs: UnreadableAs) {
    this.#codec = codec;
    this.#pageSizeBytes = pageSizeBytes;
    this.#sharesZeroPage = sharesZeroPage;
    this.#unreadableAs = unreadableAs;
  }

  begin(batch: PageBatch): void {
    this.#batch = batch;
    this.#dataBytes = 0;
    this.#count = 0;
    batch.entries[0] = 0;
  }

  add(window: Buffer, at: number, pages: number): void {
    for (let page = 0; page < pages; page++) this.#store(window, at + page * this.#pageSizeBytes);
  }

  addZeros(zeros: Buffer, pages: number): void {
    for (let i = 0; i < pages; i++) {
      if (this.#sharesZeroPage) this.#enter(StoredAs.zero, 0);
      else this.#store(zeros, 0);
    }
  }

  addMissing(zeros: Buffer): void {
    if (this.#sharesZeroPage || this.#unreadableAs === 'missing') this.#enter(StoredAs.missing, 0);
    else this.#store(zeros, 0);
  }

  #store(window: Buffer, at: number): void {
    const { data } = this.#batch!;
    const dataBytes = this.#dataBytes;
    const size = this.#codec.compress(window, at, data, dataBytes);
    if (size > 0) {
      this.#enter(StoredAs.compressed, size);
    } else {
      window.copy(data, dataBytes, at, at + this.#pageSizeBytes);
      this.#enter(StoredAs.raw, this.#pageSizeBytes);
    }
  }

  #enter(kind: number, size: number): void {
    const { entries } = this.#batch!;
    this.#dataBytes += size;
    entries[++this.#count] = entryOf(kind, size);
    entries[0] = this.#count;
  }
}
