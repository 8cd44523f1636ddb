/**
 * The two bitmaps of a dump: pages that exist, and pages that are kept. Physical addresses can have holes of terabytes, whose
 * bits are left as holes in the file where it can have them.
 *
 * 1 TiB of memory without holes has 32 MiB of ones in the first bitmap, which would be most of a small dump. Of such a dump
 * the first bitmap may be sparse too: it is right in each piece in which a page is kept, and empty everywhere else. No reader
 * needs more: makedumpfile and libkdumpfile read pages by the second bitmap, and crash, which asks the first one before the
 * second, reports a page that is in neither as a seek error and not as an excluded page.
 */
import { Bitmap } from '../../filter/bitmap.ts';
import type { FileRange } from '../../vmcore/mappable.ts';
import { type PfnRange, pfnRanges, type Segment } from '../../vmcore/segments.ts';
import type { RunningDigest } from '../format/digest.ts';
import type { DumpLayout } from '../format/layout.ts';
import type { DumpSink } from '../sink.ts';

export interface BitmapInput {
  readonly segments: readonly Segment[];
  /** Its chunks are what is written at once, and the unit of holes: a multiple of the block size. */
  readonly bitmap2: Bitmap;
  /** `whole` when left out. */
  readonly bitmap1?: Bitmap1;
}

/** Which pages that exist the first bitmap has: all, or those that share a piece with a page that is kept. */
export type Bitmap1 = 'whole' | 'nearKept';

/** Where a sink has no holes. */
const ZEROS_BYTES = 1 << 20;

/** Part of one bitmap, at byte `at` of it. `bytes` are undefined when all of them are zeros. */
interface Piece {
  readonly at: number;
  readonly lengthBytes: number;
  readonly bytes: Uint8Array | undefined;
}

/** The parts of the file that are not written when its sink allows holes; sorted. */
export function bitmapHoles(layout: DumpLayout, input: BitmapInput): FileRange[] {
  const holes: FileRange[] = [];
  const add = (bitmapOffset: number, pieces: Iterable<Piece>): void => {
    for (const { at, lengthBytes, bytes } of pieces) {
      const start = bitmapOffset + at;
      if (!bytes) holes.push({ start, end: start + lengthBytes });
    }
  };
  add(layout.bitmap1Offset, piecesOfBitmap1(layout, input));
  add(layout.bitmap2Offset, piecesOfBitmap2(layout, input));
  return holes;
}

/** Writes both. @returns how many pages exist. */
export function writeBitmaps(
  layout: DumpLayout,
  input: BitmapInput,
  sink: DumpSink,
  digest: Pick<RunningDigest, 'update' | 'zeros'>,
): number {
  const write = (bitmapOffset: number, pieces: Iterable<Piece>): void => {
    for (const { at, lengthBytes, bytes } of pieces) {
      if (bytes) {
        sink.writeAt(bytes, bitmapOffset + at);
        digest.update(bytes);
      } else {
        if (!sink.allowsHoles) writeZeros(sink, bitmapOffset + at, lengthBytes);
        digest.zeros(lengthBytes);
      }
    }
  };
  write(layout.bitmap1Offset, piecesOfBitmap1(layout, input));
  write(layout.bitmap2Offset, piecesOfBitmap2(layout, input));
  return rangesOf(layout, input).reduce((sum, { start, end }) => sum + end - start, 0);
}

function writeZeros(sink: DumpSink, offset: number, lengthBytes: number): void {
  const zeros = new Uint8Array(Math.min(lengthBytes, ZEROS_BYTES));
  for (let done = 0; done < lengthBytes; done += zeros.length)
    sink.writeAt(zeros.subarray(0, Math.min(zeros.length, lengthBytes - done)), offset + done);
}

/** The pages below max_mapnr that exist. */
function rangesOf({ block_size }: DumpLayout, { segments, bitmap2 }: BitmapInput): PfnRange[] {
  return pfnRanges(segments, block_size)
    .filter(({ start }) => start < bitmap2.sizeBits)
    .map(({ start, end }) => ({ start, end: Math.min(end, bitmap2.sizeBits) }));
}

/** Made from the segments, so that it takes no memory. */
function* piecesOfBitmap1(layout: DumpLayout, input: BitmapInput): Generator<Piece> {
  const { bitmap1 = 'whole', bitmap2 } = input;
  const ranges = rangesOf(layout, input);
  const buffer = new Uint8Array(bitmap2.chunkBytes);
  let next = 0;
  const skipTo = (pfn: number): void => {
    while (next < ranges.length && ranges[next].end <= pfn) next++;
  };
  const nextExisting = (pfn: number): number => {
    skipTo(pfn);
    return Math.max(pfn, ranges[next]?.start ?? Number.POSITIVE_INFINITY);
  };
  yield* pieces(
    layout,
    input,
    bitmap1 === 'whole' ? nextExisting : pfn => bitmap2.nextSet(pfn),
    (at, lengthBytes) => {
      const first = at * 8;
      skipTo(first);
      const bytes = buffer.subarray(0, lengthBytes).fill(0);
      const part = new Bitmap(bytes, lengthBytes * 8);
      for (let i = next; i < ranges.length && ranges[i].start < first + part.sizeBits; i++) {
        const { start, end } = ranges[i];
        part.setRange(Math.max(start - first, 0), Math.min(end - first, part.sizeBits));
      }
      return bytes;
    },
  );
}

function* piecesOfBitmap2(layout: DumpLayout, input: BitmapInput): Generator<Piece> {
  const { bitmap2 } = input;
  const buffer = new Uint8Array(bitmap2.chunkBytes);
  yield* pieces(
    layout,
    input,
    pfn => bitmap2.nextSet(pfn),
    (at, lengthBytes) => bitmap2.fileBytes(at, lengthBytes, buffer),
  );
}

/** @param nextSet the first set bit from `pfn` on, asked in ascending order; at least sizeBits when there is none. */
function* pieces(
  { bitmapBytes }: DumpLayout,
  { bitmap2: { sizeBits, chunkBytes } }: BitmapInput,
  nextSet: (pfn: number) => number,
  bytesAt: (at: number, lengthBytes: number) => Uint8Array,
): Generator<Piece> {
  for (let at = 0; at < bitmapBytes; ) {
    const set = nextSet(at * 8);
    // The last piece is always written, so that the file does not end within a bitmap.
    const byte = set < sizeBits ? Math.floor(set / 8) : bitmapBytes - 1;
    const piece = byte - (byte % chunkBytes);
    if (piece > at) {
      yield { at, lengthBytes: piece - at, bytes: undefined };
      at = piece;
    } else {
      const lengthBytes = Math.min(chunkBytes, bitmapBytes - at);
      yield { at, lengthBytes, bytes: bytesAt(at, lengthBytes) };
      at += lengthBytes;
    }
  }
}
