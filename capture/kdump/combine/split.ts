/** Divides the pages among the files of a split dump (makedumpfile --split). */
import type { Bitmap } from '../../filter/bitmap.ts';
import type { PfnRange } from '../../vmcore/segments.ts';

/** DEFAULT_SPLITBLOCK_SIZE */
export const SPLITBLOCK_BYTES = 1 << 30;

/**
 * As makedumpfile does it: each file takes blocks of memory until it has its share of the dumpable pages. The last one takes
 * the rest, which may be nothing.
 */
export function splitPfns(bitmap2: Bitmap, parts: number, splitblockPages: number): PfnRange[] {
  const max_mapnr = bitmap2.sizeBits;
  const share = Math.floor(bitmap2.count() / parts);
  const ranges: PfnRange[] = [];
  let end = 0;
  for (let part = 1; part < parts; part++) {
    const start = end;
    for (let missing = share; missing > 0 && end < max_mapnr; ) {
      const blockEnd = Math.min(end + splitblockPages, max_mapnr);
      missing -= bitmap2.countIn(end, blockEnd);
      end = blockEnd;
    }
    ranges.push({ start, end });
  }
  ranges.push({ start: end, end: max_mapnr });
  return ranges;
}
