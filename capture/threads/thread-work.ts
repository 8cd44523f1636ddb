/** What the main thread and the compressing threads share: the work in batches, and the state of each buffer. */
import type { MessagePort } from 'node:worker_threads';
import type { CodecName } from '../codecs/table.ts';
import type { Bitmap } from '../filter/bitmap.ts';
import type { PageBatch } from '../kdump/write/page-batch.ts';
import type { UnreadableAs } from '../kdump/write/unreadable.ts';
import type { Segment } from '../vmcore/segments.ts';

/** All of a thread's input; the buffers are shared, not copied. */
export interface ThreadWork {
  readonly vmcore: string;
  readonly maps: boolean;
  readonly codec: WantedCodec;
  readonly pageSizeBytes: number;
  readonly sharesZeroPage: boolean;
  readonly unreadableAs: UnreadableAs;
  readonly segments: readonly Segment[];
  readonly bitmap2: SharedArrayBuffer;
  /** Of `bitmap2`, if it is sparse. */
  readonly chunks: Uint32Array | undefined;
  readonly max_mapnr: number;
  /** The pfns at which batches begin, and the end of the last one, as doubles. */
  readonly bounds: SharedArrayBuffer;
  /** The next unclaimed batch, whether a thread has failed, how many work, then a turn for each slot. */
  readonly turns: SharedArrayBuffer;
  readonly slots: readonly { readonly data: SharedArrayBuffer; readonly entries: SharedArrayBuffer }[];
}

/** A thread that opens anything else would store pages that the dump's header does not describe. */
export interface WantedCodec {
  readonly name: CodecName | 'none';
  /** As it was asked for: a codec that chooses a level for each page writes other bytes at any one level. */
  readonly level: number | undefined;
  /** Of the codec that the main thread opened by this name, which may be a fallback. */
  readonly opened: { readonly name: string; readonly implementation: string };
}

/** The one message to a thread. */
export interface ThreadMessage {
  readonly work: ThreadWork;
  readonly reports: MessagePort;
}

/** What a thread reports. A page that cannot be read is reported before its batch is handed over. */
export type ThreadReport =
  | { readonly kind: 'unreadable'; readonly pfn: number; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Indexes in `turns`. */
export const NEXT_BATCH = 0;
/** Not 0 once a thread has failed: what it had claimed is never filled. */
export const FAILED = 1;
/** How many threads, this one not among them, have begun to fill a batch. */
export const WORKING = 2;
export const FIRST_TURN = 3;

/** Batch n uses slot n modulo their number. The slot's turn is 2n while it is free for the batch, and 2n + 1 when it is filled. */
export function freeTurn(batch: number): number {
  return 2 * batch;
}

export function filledTurn(batch: number): number {
  return 2 * batch + 1;
}

export function slotBatch(slot: ThreadWork['slots'][number]): PageBatch {
  return { data: Buffer.from(slot.data), entries: new Uint32Array(slot.entries) };
}

/** Doubles, because a pfn can exceed 2^32. */
export function batchBounds(bitmap2: Bitmap, pagesPerBatch: number): Float64Array<SharedArrayBuffer> {
  const bounds: number[] = [];
  let room = 0;
  for (let pfn = bitmap2.nextSet(0); pfn < bitmap2.sizeBits; ) {
    const runEnd = bitmap2.nextClear(pfn);
    while (pfn < runEnd) {
      if (room === 0) {
        bounds.push(pfn);
        room = pagesPerBatch;
      }
      const taken = Math.min(room, runEnd - pfn);
      pfn += taken;
      room -= taken;
    }
    pfn = bitmap2.nextSet(runEnd);
  }
  bounds.push(bitmap2.sizeBits);
  const shared = new Float64Array(new SharedArrayBuffer(bounds.length * Float64Array.BYTES_PER_ELEMENT));
  shared.set(bounds);
  return shared;
}

export function sharedCopy({ bytes }: Bitmap): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
}
