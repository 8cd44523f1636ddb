/** The pages of a triage dump as a bitmap, bounded by what they take in the file. */
import { BITS_PER_BYTE, type Bitmap } from '../filter/bitmap.ts';
import { type SampledDump, sampleDump } from '../kdump/write/first-pages.ts';
import { fittingPages } from '../kdump/write/predict.ts';
import { selectTriage, type Triage, type TriageRequest } from './select.ts';

/** However large the machine: tasks that do not fit are left out, those that ran and those that wait come first. */
export const MOST_TRIAGE_BYTES = 16 << 20;
/** Some 1,000 tasks with the tables, and in no kernel fewer than a debugger starts with. A number of PFNs takes 70 bytes here. */
const MOST_TRIAGE_PAGES = 1 << 18;

export interface TriageChoice {
  /** Also what stands in for debug symbols. */
  readonly hasTables: boolean;
  readonly onProgress?: TriageRequest['onProgress'];
  readonly allocate?: (sizeBytes: number) => Uint8Array;
}

export interface TriagePages extends Pick<Triage, 'parts' | 'problems'> {
  readonly bitmap2: Bitmap;
  /** Pages that were left out because the dump would be larger than MOST_TRIAGE_BYTES. */
  readonly leftOut: number;
}

/**
 * @param bitmap2 the pages of the whole dump: no others are taken.
 * @throws as `selectTriage`
 */
export function triageBitmap(
  dump: SampledDump,
  bitmap2: Bitmap,
  { hasTables, onProgress, allocate }: TriageChoice,
): TriagePages {
  const triage = selectTriage(dump.vmcore, {
    isHeld: pfn => bitmap2.has(pfn),
    mostPages: MOST_TRIAGE_PAGES,
    onProgress,
  });
  const wanted = hasTables ? triage.pfns : triage.pfns.slice(0, triage.debuggerPages);
  const blockPages = dump.vmcore.pageSizeBytes * BITS_PER_BYTE;
  const mapped = withinBlocks(wanted, blockPages, MOST_TRIAGE_BYTES / 2 / (2 * dump.vmcore.pageSizeBytes));
  const fitting = fittingPages(mapped, MOST_TRIAGE_BYTES / 2, some => sampleDump(dump, some));
  const kept = bitmap2.alike(allocate);
  for (let i = 0; i < fitting; i++) kept.set(mapped[i]!);
  return { bitmap2: kept, leftOut: wanted.length - fitting, parts: triage.parts, problems: triage.problems };
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
