/** Writes the two bitmaps of a dump, a chunk at a time. */
import { Bitmap } from '../../filter/bitmap.ts';
import { pfnRanges, type Segment } from '../../vmcore/segments.ts';
import type { RunningDigest } from '../format/digest.ts';
import type { DumpLayout } from '../format/layout.ts';
import type { DumpSink } from '../sink.ts';

const BITMAP_CHUNK_BYTES = 1 << 20;

export type HeadDigest = Pick<RunningDigest, 'update'>;

/**
 * The pages that exist, made from the segments one chunk at a time, so that this bitmap is never in memory as a whole.
 * @returns their number.
 */
export function writeBitmap1(
  segments: readonly Segment[],
  max_mapnr: number,
  layout: DumpLayout,
  sink: DumpSink,
  digest: HeadDigest,
): number {
  const ranges = pfnRanges(segments, layout.block_size);
  let pagesPresent = 0;
  const chunk = new Uint8Array(Math.min(BITMAP_CHUNK_BYTES, layout.bitmapBytes));
  let nextRange = 0;
  for (let at = 0; at < layout.bitmapBytes; at += chunk.length) {
    const bytes = chunk.subarray(0, Math.min(chunk.length, layout.bitmapBytes - at));
    const firstPfn = at * 8;
    const endPfn = Math.min(firstPfn + bytes.length * 8, max_mapnr);
    const part = new Bitmap(bytes.fill(0), Math.max(0, endPfn - firstPfn));
    while (nextRange < ranges.length && ranges[nextRange].end <= firstPfn) nextRange++;
    for (let i = nextRange; i < ranges.length && ranges[i].start < endPfn; i++) {
      const start = Math.max(ranges[i].start, firstPfn);
      const end = Math.min(ranges[i].end, endPfn);
      part.setRange(start - firstPfn, end - firstPfn);
      pagesPresent += end - start;
    }
    sink.writeAt(bytes, layout.bitmap1Offset + at);
    digest.update(bytes);
  }
  return pagesPresent;
}

/** The pages that are kept. */
export function writeBitmap2(bitmap2: Bitmap, layout: DumpLayout, sink: DumpSink, digest: HeadDigest): void {
  const write = (bytes: Uint8Array, at: number): void => {
    sink.writeAt(bytes, layout.bitmap2Offset + at);
    digest.update(bytes);
  };
  const bytes = bitmap2.bytes.subarray(0, layout.bitmapBytes);
  for (let at = 0; at < bytes.length; at += BITMAP_CHUNK_BYTES) {
    write(bytes.subarray(at, at + BITMAP_CHUNK_BYTES), at);
  }
  // The caller's bitmap need not be padded to blocks.
  if (bytes.length < layout.bitmapBytes)
    write(new Uint8Array(layout.bitmapBytes - bytes.length), bytes.length);
}
