/**
 * Writes a dump in the kdump-compressed format, header version 6 (makedumpfile: IMPLEMENTATION). The header is
 * marked incomplete until everything else is written; the header without the mark is the last write.
 */

import type { Codec } from '../../codecs/codec.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import { DUMP_LEVEL_ZERO } from '../../filter/dump-level.ts';
import type { Vmcore } from '../../vmcore/open.ts';
import type { PfnRange } from '../../vmcore/segments.ts';
import { PAGE_DESC_BYTES } from '../format/descriptor.ts';
import { type DigestAlgorithm, type DumpDigest, openDigest, type RunningDigest } from '../format/digest.ts';
import {
  DISK_DUMP_HEADER_BYTES,
  DUMP_DH_COMPRESSED_INCOMPLETE,
  encodeDiskDumpHeader,
  encodeKdumpSubHeader,
  HEADER_VERSION,
  KDUMP_SIGNATURE,
  type Utsname,
} from '../format/header.ts';
import { type DumpLayout, planLayout } from '../format/layout.ts';
import type { DumpSink } from '../sink.ts';
import { finish } from '../steps.ts';
import { type Bitmap1, writeBitmaps } from './bitmaps.ts';
import { type Bound, BoundedTaker } from './bounded.ts';
import { PageLoop, type PageLoopEvents } from './page-loop.ts';
import { PageStore } from './page-store.ts';
import { type UnreadableAs, UnreadablePages } from './unreadable.ts';

export interface DumpInput {
  readonly vmcore: Pick<
    Vmcore,
    'source' | 'segments' | 'pageSizeBytes' | 'noteBytes' | 'vmcoreinfoOffset' | 'vmcoreinfoBytes'
  >;
  /** The pages to keep, including zero pages, which are found while writing. Its size is max_mapnr. */
  readonly bitmap2: Bitmap;
  /** `whole` when left out. */
  readonly bitmap1?: Bitmap1;
  readonly utsname: Utsname;
  readonly crashTimeSeconds: number;
  readonly nr_cpus: number;
  readonly phys_base: bigint;
  readonly dumpLevel: number;
  readonly codec: Codec;
  /** With `pfns` it must be "none", because the descriptors of the other pages are a hole. */
  readonly digestAlgorithm: DigestAlgorithm;
  /** Makes one file of a split dump: only the pages from `start` to before `end`; the bitmaps are whole. */
  readonly pfns?: PfnRange;
  /**
   * makedumpfile's record of what was erased from the input. It follows the pages, so its offset is only known at the end;
   * hence not with a digest and not with `pfns`.
   */
  readonly eraseinfo?: Uint8Array;
  /** Replaces the page loop; not with `pfns`. */
  readonly feed?: PageFeed;
  /** Not with `feed` and `pfns`. The dump is incomplete only if pages do not fit. */
  readonly bound?: Bound;
  /** `zeros` when left out. */
  readonly unreadableAs?: UnreadableAs;
  /** Bytes of a write of pages, where memory for the usual ones is short. */
  readonly chunkBytes?: number;
  /** The input itself lacks pages, so the dump stays marked incomplete. */
  readonly isInputIncomplete?: boolean;
}

/** Passes all dumpable pages to the store in order. Yields the number of pages so far, as the page loop does. */
export type PageFeed = (store: PageStore, events: PageLoopEvents) => Generator<number, void>;

export interface DumpEvents {
  /** Called every few megabytes. The page loop blocks the event loop, so watchdog and deadline are handled here. */
  readonly onProgress?: (pagesDone: number, pagesTotal: number) => void;
  /** Called a bounded number of times. */
  readonly onWarning?: (text: string) => void;
}

export interface DumpCounts {
  /** Pages that exist, below max_mapnr. */
  readonly pagesPresent: number;
  /** Pages with a descriptor, including zero, unreadable and missing ones. */
  readonly pagesDumped: number;
  /** Zero pages that share the stored one; 0 when the dump level keeps zero pages. */
  readonly pagesZero: number;
  /** Stored uncompressed, because they do not shrink. */
  readonly pagesUncompressed: number;
  /** They could not be read from the input; in the dump as zeros, or missing. */
  readonly pagesUnreadable: number;
  /** Without data: no room in a bounded dump, or unreadable. With any of these the dump stays marked incomplete. */
  readonly pagesMissing: number;
  /** The size of the file. */
  readonly bytesWritten: number;
}

export interface DumpResult {
  readonly counts: DumpCounts;
  readonly layout: DumpLayout;
  readonly digest: DumpDigest;
  /** The first few unreadable pages. */
  readonly unreadablePfns: readonly number[];
}

/** @throws DumpFormatError for input that the format has no room for, and what the sink throws. */
export function writeDump(input: DumpInput, sink: DumpSink, events: DumpEvents = {}): DumpResult {
  return finish(dumpSteps(input, sink, events));
}

/** @throws DumpFormatError for input that the format has no room for. */
export function layoutOf({ vmcore, bitmap2 }: Pick<DumpInput, 'vmcore' | 'bitmap2'>): DumpLayout {
  return planLayout({
    pageSizeBytes: vmcore.pageSizeBytes,
    max_mapnr: bitmap2.sizeBits,
    noteBytes: vmcore.noteBytes.length,
    dumpablePages: bitmap2.count(),
  });
}

/** As `writeDump`, a few megabytes per step, so that the caller's event loop can notice Ctrl-C between steps. */
export function* dumpSteps(
  input: DumpInput,
  sink: DumpSink,
  events: DumpEvents = {},
): Generator<void, DumpResult> {
  const { bitmap2, codec, digestAlgorithm } = input;
  const layout = layoutOf(input);
  const headers = encodeHeaders(input, layout, codec.statusFlag);
  const incompleteHeaders = encodeHeaders(input, layout, codec.statusFlag | DUMP_DH_COMPRESSED_INCOMPLETE);
  sink.writeAt(incompleteHeaders, 0);
  const headDigest = openDigest(digestAlgorithm);
  headDigest.update(headers);
  // Whether pages are missing is only known at the end, but the digest starts with the header.
  const mayLackPages = input.bound || input.isInputIncomplete || input.unreadableAs === 'missing';
  const incompleteDigest = mayLackPages ? openDigest(digestAlgorithm) : undefined;
  incompleteDigest?.update(incompleteHeaders);
  const head: HeadDigest = {
    update(bytes) {
      headDigest.update(bytes);
      incompleteDigest?.update(bytes);
    },
    zeros(lengthBytes) {
      headDigest.zeros(lengthBytes);
      incompleteDigest?.zeros(lengthBytes);
    },
  };
  const bitmaps = { segments: input.vmcore.segments.segments, bitmap1: input.bitmap1, bitmap2 };
  const pagesPresent = writeBitmaps(layout, bitmaps, sink, head);

  const store = new PageStore(sink, {
    layout,
    codec,
    sharesZeroPage: (input.dumpLevel & DUMP_LEVEL_ZERO) !== 0,
    digestAlgorithm,
    unreadableAs: input.unreadableAs ?? 'zeros',
    chunkBytes: input.chunkBytes,
  });
  const unreadable = yield* writePages(input, layout, store, events);
  store.flush();
  // Without page data the file would end with a hole, and so too early.
  if (store.endOffset === layout.descriptorsOffset && sink.allowsHoles)
    sink.writeAt(new Uint8Array(layout.block_size), layout.descriptorsOffset - layout.block_size);
  const { eraseinfo } = input;
  if (eraseinfo) {
    sink.writeAt(eraseinfo, store.endOffset);
    const sub = encodeSubHeader(input, layout, store.endOffset);
    sink.writeAt(sub, layout.block_size);
  }
  sink.sync();
  const isComplete = store.pagesAbsent === 0 && !input.isInputIncomplete;
  if (isComplete) sink.writeAt(headers.subarray(0, DISK_DUMP_HEADER_BYTES), 0);

  const dataEnd = store.endOffset;
  const { descriptorsOffset, dataOffset } = layout;
  const region = (
    name: 'head' | 'descriptors' | 'data',
    from: number,
    to: number,
    running: RunningDigest,
  ) => ({
    name,
    offset: from,
    sizeBytes: to - from,
    digest: running.finish(),
  });
  return {
    counts: {
      pagesPresent,
      pagesDumped: store.pagesStored,
      pagesZero: store.pagesZero,
      pagesUncompressed: store.pagesUncompressed,
      pagesUnreadable: unreadable.count,
      pagesMissing: store.pagesAbsent,
      bytesWritten: dataEnd + (eraseinfo?.length ?? 0),
    },
    layout,
    unreadablePfns: unreadable.pfns,
    digest: {
      algorithm: digestAlgorithm,
      regions: [
        region('head', 0, descriptorsOffset, isComplete ? headDigest : incompleteDigest!),
        region('descriptors', descriptorsOffset, dataOffset, store.descriptorsDigest),
        region('data', dataOffset, dataEnd, store.dataDigest),
      ],
    },
  };
}

type HeadDigest = Pick<RunningDigest, 'update' | 'zeros'>;

/** Header block, sub header and notes, up to the first bitmap. */
function encodeHeaders(input: DumpInput, layout: DumpLayout, status: number): Uint8Array {
  const { vmcore, bitmap2 } = input;
  const { block_size, offset_note } = layout;
  const bytes = new Uint8Array(layout.bitmap1Offset);
  bytes.set(
    encodeDiskDumpHeader({
      signature: KDUMP_SIGNATURE,
      header_version: HEADER_VERSION,
      utsname: input.utsname,
      timestamp: { tv_sec: input.crashTimeSeconds, tv_usec: 0 },
      status,
      block_size,
      sub_hdr_size: layout.sub_hdr_size,
      bitmap_blocks: layout.bitmap_blocks,
      max_mapnr: bitmap2.sizeBits,
      nr_cpus: input.nr_cpus,
    }),
  );
  bytes.set(encodeSubHeader(input, layout), block_size);
  bytes.set(vmcore.noteBytes, offset_note);
  return bytes;
}

function encodeSubHeader(input: DumpInput, { offset_note }: DumpLayout, offset_eraseinfo = 0): Uint8Array {
  const { vmcore, bitmap2 } = input;
  const hasNotes = vmcore.noteBytes.length > 0;
  const hasVmcoreinfo = vmcore.vmcoreinfoOffset !== undefined;
  return encodeKdumpSubHeader({
    phys_base: input.phys_base,
    dump_level: input.dumpLevel,
    split: input.pfns ? 1 : 0,
    offset_vmcoreinfo: hasVmcoreinfo ? offset_note + vmcore.vmcoreinfoOffset : 0,
    size_vmcoreinfo: hasVmcoreinfo ? vmcore.vmcoreinfoBytes.length : 0,
    offset_note: hasNotes ? offset_note : 0,
    size_note: vmcore.noteBytes.length,
    offset_eraseinfo,
    size_eraseinfo: offset_eraseinfo > 0 ? (input.eraseinfo?.length ?? 0) : 0,
    start_pfn_64: input.pfns?.start ?? 0,
    end_pfn_64: input.pfns?.end ?? 0,
    max_mapnr_64: bitmap2.sizeBits,
  });
}

function* writePages(
  input: DumpInput,
  layout: DumpLayout,
  store: PageStore,
  events: DumpEvents,
): Generator<void, UnreadablePages> {
  const { vmcore, bitmap2, pfns, bound } = input;
  const { pageSizeBytes } = vmcore;
  const pagesTotal = (layout.dataOffset - layout.descriptorsOffset) / PAGE_DESC_BYTES;
  const unreadable = new UnreadablePages(input.unreadableAs ?? 'zeros', events.onWarning);
  const loopEvents: PageLoopEvents = { onUnreadable: (pfn, cause) => unreadable.add(pfn, cause) };
  const findsZeros = store.sharesZeroPage;
  const taker = bound ? new BoundedTaker(store, bitmap2, pageSizeBytes, bound) : store;
  const steps =
    input.feed?.(store, loopEvents) ??
    new PageLoop({ vmcore, pageSizeBytes, bitmap2, findsZeros }, taker, loopEvents).take(pfns);
  for (const pagesDone of steps) {
    events.onProgress?.(pagesDone, pagesTotal);
    yield;
  }
  unreadable.finish();
  return unreadable;
}
