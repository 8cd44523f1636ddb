/** Cuts the pages of a dump into batches, and says what memory their threads share. */
import type { CodecName } from '../codecs/table.ts';
import type { Bitmap } from '../filter/bitmap.ts';
import { DUMP_LEVEL_ZERO } from '../filter/dump-level.ts';
import { batchRoom } from '../kdump/write/page-batch.ts';
import type { DumpInput } from '../kdump/write/writer.ts';
import { FIRST_TURN, freeTurn, type WorkMemory, type WorkTerms } from './thread-work.ts';

export interface ThreadInput {
  readonly vmcore: string;
  /** Whether the threads map the vmcore where they can. */
  readonly maps: boolean;
  /** By this name the main thread opened its codec. */
  readonly codec: CodecName | 'none';
  /** The pages that a thread takes at a time. */
  readonly batchBytes: number;
  /** The main thread goes on alone. Called once at most. */
  onAlone(reason: string): void;
  /** How long a thread may do nothing; 20 s when left out. */
  readonly mostWaitMs?: number;
}

export interface PlannedWork {
  readonly terms: WorkTerms;
  /** Of each piece of memory, in the order in which `memoryOf` takes them. */
  readonly sizesBytes: readonly number[];
  /** Writes what the threads find in it. */
  fill(memory: WorkMemory<ArrayBufferLike>): void;
}

/** @param slots how many batches may be there that the main thread has not written yet. */
export function planWork(request: ThreadInput, input: DumpInput, slots: number): PlannedWork {
  const { vmcore, bitmap2, codec, dumpLevel, unreadableAs = 'zeros' } = input;
  const { pageSizeBytes } = vmcore;
  const pages = Math.max(1, Math.floor(request.batchBytes / pageSizeBytes));
  const bounds = batchBounds(bitmap2, pages);
  const room = batchRoom(pages, codec, pageSizeBytes);
  const { name, implementation, askedLevel } = codec;
  return {
    terms: {
      vmcore: request.vmcore,
      maps: request.maps,
      codec: { name: request.codec, level: askedLevel, opened: { name, implementation } },
      pageSizeBytes,
      sharesZeroPage: (dumpLevel & DUMP_LEVEL_ZERO) !== 0,
      unreadableAs,
      segments: vmcore.segments.segments,
      chunks: bitmap2.chunks,
      max_mapnr: bitmap2.sizeBits,
    },
    sizesBytes: [
      bitmap2.bytes.length,
      bounds.byteLength,
      (FIRST_TURN + slots) * Int32Array.BYTES_PER_ELEMENT,
      ...Array.from({ length: slots }, () => [room.data, room.entries]).flat(),
    ],
    fill(memory) {
      new Uint8Array(memory.bitmap2).set(bitmap2.bytes);
      new Float64Array(memory.bounds).set(bounds);
      const turns = new Int32Array(memory.turns);
      for (let slot = 0; slot < slots; slot++) turns[FIRST_TURN + slot] = freeTurn(slot);
    },
  };
}

export function memoryOf<Memory extends ArrayBufferLike>(pieces: readonly Memory[]): WorkMemory<Memory> {
  const [bitmap2, bounds, turns, ...slots] = pieces;
  const data = slots.filter((_, i) => i % 2 === 0);
  return {
    bitmap2: bitmap2!,
    bounds: bounds!,
    turns: turns!,
    slots: data.map((piece, i) => ({ data: piece, entries: slots[2 * i + 1]! })),
  };
}

/** Doubles, because a pfn can exceed 2^32. */
export function batchBounds(bitmap2: Bitmap, pagesPerBatch: number): Float64Array {
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
  return Float64Array.from(bounds);
}
