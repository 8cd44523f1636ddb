/** The pages of a triage dump as a bitmap, bounded by what they take in the file. */
import { BITS_PER_BYTE, type Bitmap } from '../filter/bitmap.ts';
import { type SampledDump, sampleDump } from '../kdump/write/first-pages.ts';
import { fittingPages } from '../kdump/write/predict.ts';

/** Without the bitmap of the memory that there is (32 MB for each TB). Tasks that do not fit are left out, those that ran and those that wait come first. */
export const MOST_TRIAGE_BYTES = 16 << 20;
/** Of which half is for the bitmaps' blocks, where the pages are far apart. */
const MOST_DATA_BYTES = MOST_TRIAGE_BYTES / 2;
/** Those of some thousand tasks. Compressed, more would not fit. */
export const MOST_TRIAGE_PAGES = 1 << 16;

export interface TriageBitmap {
  readonly bitmap2: Bitmap;
  /** Pages that were left out because the dump would be larger than MOST_TRIAGE_BYTES. */
  readonly leftOut: number;
}

/**
 * @param bitmap2 the pages of the whole dump: no others are taken.
 * @param pfns those for triage, the ones that are needed most first.
 * @param allocate returns zeroed memory; see Bitmap.
 */
export function triageBitmap(
  dump: SampledDump,
  bitmap2: Bitmap,
  pfns: readonly number[],
  allocate?: (sizeBytes: number) => Uint8Array,
): TriageBitmap {
  const { pageSizeBytes } = dump.vmcore;
  const wanted = pfns.filter(pfn => bitmap2.has(pfn));
  const mostBlocks = (MOST_TRIAGE_BYTES - MOST_DATA_BYTES) / (2 * pageSizeBytes);
  const mapped = withinBlocks(wanted, pageSizeBytes * BITS_PER_BYTE, mostBlocks);
  const fitting = fittingPages(mapped, MOST_DATA_BYTES, some => sampleDump(dump, some));
  const kept = bitmap2.alike(allocate);
  for (let i = 0; i < fitting; i++) kept.set(mapped[i]!);
  return { bitmap2: kept, leftOut: wanted.length - fitting };
}

/** Those of at most `most` blocks of a bitmap, the first that are met: each block takes room in the file, twice. */
function withinBlocks(pfns: readonly number[], blockPages: number, most: number): number[] {
  const blocks = new Set<number>();
  return pfns.filter(pfn => {
    const block = Math.floor(pfn / blockPages);
    if (!blocks.has(block) && blocks.size < most) blocks.add(block);
    return blocks.has(block);
  });
}
