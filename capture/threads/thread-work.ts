/** What the main thread and those that compress for it share: the work in batches, and the state of each buffer. */
import type { CodecName } from '../codecs/table.ts';
import type { PageBatch } from '../kdump/write/page-batch.ts';
import type { UnreadableAs } from '../kdump/write/unreadable.ts';
import { pause } from '../pause.ts';
import type { Segment } from '../vmcore/segments.ts';

/** What a thread is told. */
export interface WorkTerms {
  readonly vmcore: string;
  readonly maps: boolean;
  readonly codec: WantedCodec;
  readonly pageSizeBytes: number;
  readonly sharesZeroPage: boolean;
  readonly unreadableAs: UnreadableAs;
  readonly segments: readonly Segment[];
  /** Of `bitmap2`, if it is sparse. */
  readonly chunks: Uint32Array | undefined;
  readonly max_mapnr: number;
}

/** Memory that all of them see: shared buffers, or a file that several processes map. */
export interface WorkMemory<Memory extends ArrayBufferLike> {
  readonly bitmap2: Memory;
  /** The pfns at which batches begin, and the end of the last one, as doubles. */
  readonly bounds: Memory;
  /** The next unclaimed batch, whether a thread has failed, how many work, then a turn for each slot. */
  readonly turns: Memory;
  readonly slots: readonly { readonly data: Memory; readonly entries: Memory }[];
}

export type ThreadWork<Memory extends ArrayBufferLike = ArrayBufferLike> = WorkTerms & WorkMemory<Memory>;

/** A thread that opens anything else would store pages that the dump's header does not describe. */
export interface WantedCodec {
  readonly name: CodecName | 'none';
  /** As it was asked for: a codec that chooses a level for each page writes other bytes at any one level. */
  readonly level: number | undefined;
  /** Of the codec that the main thread opened by this name, which may be a fallback. */
  readonly opened: { readonly name: string; readonly implementation: string };
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

export function batchCount({ bounds }: Pick<ThreadWork, 'bounds'>): number {
  return bounds.byteLength / Float64Array.BYTES_PER_ELEMENT - 1;
}

/** How long a look at a turn is apart from the next where the kernel does not wake who waits for it. */
const MS_PER_LOOK = 2;

/**
 * Waits while a slot has this turn, for so many milliseconds at most.
 * @returns how many it waited in vain; 0 once the turn is another.
 */
export function waitWhile(turns: Int32Array, at: number, turn: number, mostMs: number): number {
  if (turns.buffer instanceof SharedArrayBuffer)
    return Atomics.wait(turns, at, turn, mostMs) === 'timed-out' ? mostMs : 0;
  for (let waitedMs = 0; Atomics.load(turns, at) === turn; waitedMs += MS_PER_LOOK) {
    if (waitedMs >= mostMs) return waitedMs;
    pause(MS_PER_LOOK);
  }
  return 0;
}
