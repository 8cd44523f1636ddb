/** Which pages a dump with a size limit must keep: those that a debugger needs first, as far as they fit. */
import type { Codec } from '../../codecs/codec.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import { DUMP_LEVEL_ZERO } from '../../filter/dump-level.ts';
import type { ReachRequest } from '../../filter/reach.ts';
import { readPhysicalOrZeros, type Vmcore } from '../../vmcore/open.ts';
import type { DumpLayout } from '../format/layout.ts';
import type { Bound } from './bounded.ts';
import { fittingPages, type PageSample, SAMPLE_PAGES, samplePages, spreadPages } from './predict.ts';

/** The share of the room that is kept for the pages that are needed first; the others get what those leave. */
const FIRST_SHARE = 0.97;
/** A kernel's own pages take more than this on average when compressed, so no more of them fit. */
const LEAST_PAGE_BYTES = 512;
/** 64 MiB of pages: zero pages take no room, and the kernel's image may begin with thousands of them (its .bss). */
const LEAST_FIRST_PAGES = 1 << 14;
/** Measured in a fraction of a second. In a small dump these are all of them, and their size is known instead of estimated. */
const MEASURED_PAGES = 4096;
/** 4 GiB of pages: more than the structures that a debugger starts with take in any kernel, and found in bounded time. */
const MOST_FIRST_PAGES = 1 << 20;

/** A dump as it would be without a limit. */
export interface UnboundedDump {
  readonly vmcore: Vmcore;
  readonly bitmap2: Bitmap;
  readonly dumpLevel: number;
  readonly codec: Codec;
  readonly layout: DumpLayout;
}

export interface FirstPagesEvents extends Pick<ReachRequest, 'allocate' | 'onProgress'> {
  /** The pages of the dump, those that are needed most first. */
  readonly rank: (vmcore: Vmcore, request: ReachRequest) => readonly number[];
  /** The first pages cannot be found: pages are taken in the order of memory. What it throws, `boundDump` throws. */
  readonly onUnranked: (cause: unknown) => void;
}

/** Bounds the dump to `limitBytes`. Degrades; see `onUnranked`. */
export function boundDump(dump: UnboundedDump, limitBytes: number, events: FirstPagesEvents): Bound {
  const { bitmap2, layout } = dump;
  const dataBytes = Math.max(0, limitBytes - layout.dataOffset - layout.block_size);
  const reached = reach(dump, dataBytes / LEAST_PAGE_BYTES, events);
  const onProgress = () => events.onProgress?.(reached.length);
  const firstPages = fittingPages(
    reached,
    FIRST_SHARE * dataBytes,
    some => sampleDump(dump, some, onProgress),
    MEASURED_PAGES,
  );
  const first = bitmap2.alike(events.allocate);
  for (let i = 0; i < firstPages; i++) first.set(reached[i]);
  const { sizes } = sampleDump(dump, spreadPages(first, SAMPLE_PAGES), onProgress);
  return { limitBytes, first, firstPages, firstPageBytes: sizes };
}

/** What the stored sizes of pages depend on. */
export type SampledDump = Pick<UnboundedDump, 'vmcore' | 'dumpLevel' | 'codec'>;

/** Measures the stored sizes of some pages. @param onProgress is called now and then. */
export function sampleDump(
  { vmcore, dumpLevel, codec }: SampledDump,
  pfns: Iterable<number>,
  onProgress: () => void = () => {},
): PageSample {
  const { pageSizeBytes } = vmcore;
  const read = (pfn: number, into: Buffer): boolean => {
    try {
      return readPhysicalOrZeros(vmcore, pfn * pageSizeBytes, into) > 0;
    } catch {
      return false;
    }
  };
  const sharesZeroPage = (dumpLevel & DUMP_LEVEL_ZERO) !== 0;
  return samplePages(watched(pfns, onProgress), read, codec, { pageSizeBytes, sharesZeroPage });
}

/** A page takes a millisecond where the CPU is emulated. */
const PAGES_PER_PROGRESS = 256;

function* watched(pfns: Iterable<number>, onProgress: () => void): Generator<number> {
  let pages = 0;
  for (const pfn of pfns) {
    if (pages % PAGES_PER_PROGRESS === 0) onProgress();
    pages += 1;
    yield pfn;
  }
}

function reach(
  { vmcore, bitmap2 }: UnboundedDump,
  most: number,
  { rank, allocate, onProgress, onUnranked }: FirstPagesEvents,
): readonly number[] {
  const mostPages = Math.min(MOST_FIRST_PAGES, Math.max(LEAST_FIRST_PAGES, Math.floor(most)));
  try {
    return rank(vmcore, { bitmap2, mostPages, allocate, onProgress });
  } catch (error) {
    onUnranked(error);
    return [];
  }
}
