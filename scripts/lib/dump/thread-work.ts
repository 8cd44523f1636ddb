/** What the main thread and those that compress for it share: the work in batches, and whose turn each buffer has. */
import type { MessagePort } from 'node:worker_threads';
import type { CodecName } from '../../../capture/codecs/table.ts';
import type { Bitmap } from '../../../capture/filter/bitmap.ts';
import type { PageBatch } from '../../../capture/kdump/write/page-batch.ts';
import type { Segment } from '../../../capture/vmcore/segments.ts';

/** All of a thread's input; the buffers are shared, not copied. */
export interface ThreadWork {
  readonly vmcore: string;
  readonly maps: boolean;
  readonly codec: CodecName | 'none';
  readonly pageSizeBytes: number;
  readonly sharesZeroPage: boolean;
  readonly segments: readonly Segment[];
  readonly bitmap2: SharedArrayBuffer;
  readonly max_mapnr: number;
  /** The pfns at which batches begin, as doubles, and the end of the last one. */
  readonly bounds: SharedArrayBuffer;
  /** The next batch that nobody has taken, then a turn for each slot. */
  readonly turns: SharedArrayBuffer;
  readonly slots: readonly { readonly data: SharedArrayBuffer; readonly entries: SharedArrayBuffer }[];
}

/** What a thread is told, once. */
export interface ThreadMessage {
  readonly work: ThreadWork;
  /** Where `Unreadable` goes. */
  readonly unreadable: MessagePort;
}

/** A page that cannot be read. Sent before its batch is handed over. */
export interface Unreadable {
  readonly pfn: number;
  readonly reason: string;
}

/** Where the numbers of batches and turns lie in `turns`. */
export const NEXT_BATCH = 0;
export const FIRST_TURN = 1;

/** Batch n uses slot n modulo their number. Its turn is 2n while the slot is free for it and 2n + 1 when it is filled. */
export function freeTurn(batch: number): number {
  return 2 * batch;
}

export function filledTurn(batch: number): number {
  return 2 * batch + 1;
}

export function slotBatch(slot: ThreadWork['slots'][number]): PageBatch {
  return { data: Buffer.from(slot.data), entries: new Uint32Array(slot.entries) };
}

/** As doubles: a pfn can be above 2^32. */
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
