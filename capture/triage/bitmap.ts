/** The pages of a triage dump as a bitmap, bounded by what they take in the file. */
import { BITS_PER_BYTE, Bitmap } from '../filter/bitmap.ts';
import { type SampledDump, sampleDump } from '../kdump/write/first-pages.ts';
import { fittingPages, type PageSample } from '../kdump/write/predict.ts';
import type { PfnRange } from '../vmcore/segments.ts';

/** What the file takes on disk. Tasks that do not fit are left out; those that ran and those that wait come first. */
export const MOST_TRIAGE_BYTES = 16 << 20;
/** Of which half is for the bitmaps, where the pages are far apart. */
const MOST_DATA_BYTES = MOST_TRIAGE_BYTES / 2;
/** Those of some thousand tasks. Compressed, more would not fit. */
export const MOST_TRIAGE_PAGES = 1 << 16;
/** The codec is slow, and these are enough to predict the size of a dump of some thousand pages. */
export const TRIAGE_SAMPLE_PAGES = 256;
/** Of the table of a sparse bitmap's chunks: a table of the smallest chunks for 2^52 bytes of memory would take 128 MiB. */
const MOST_CHUNKS = 1 << 18;

export interface TriageBitmap {
  /** Sparse: it takes memory, and room in the file, near these pages alone. */
  readonly bitmap2: Bitmap;
  /** Pages that were left out because the dump would be larger than MOST_TRIAGE_BYTES. */
  readonly leftOut: number;
}

export interface TriageSource extends SampledDump {
  /** Where what pages take is known without compressing them. */
  readonly measure?: (pfns: Iterable<number>) => PageSample;
}

/**
 * @param bitmap2 the pages of the whole dump: no others are taken.
 * @param pfns those for triage, the ones that are needed most first.
 * @param allocate returns zeroed memory; see Bitmap.
 */
export function triageBitmap(
  dump: TriageSource,
  bitmap2: Bitmap,
  pfns: readonly number[],
  allocate?: (sizeBytes: number) => Uint8Array,
): TriageBitmap {
  const { pageSizeBytes } = dump.vmcore;
  const { measure = (some: Iterable<number>) => sampleDump(dump, some) } = dump;
  const wanted = pfns.filter(pfn => bitmap2.has(pfn));
  const chunkBytes = chunkBytesFor(bitmap2.sizeBits, pageSizeBytes);
  const mostChunks = (MOST_TRIAGE_BYTES - MOST_DATA_BYTES) / (2 * chunkBytes);
  const mapped = withinChunks(wanted, chunkBytes * BITS_PER_BYTE, mostChunks);
  // No page takes more room than it has bytes.
  const fitting =
    mapped.length * pageSizeBytes <= MOST_DATA_BYTES
      ? mapped.length
      : fittingPages(mapped, MOST_DATA_BYTES, measure, TRIAGE_SAMPLE_PAGES);
  const ranges = rangesOf(mapped.slice(0, fitting));
  const kept = Bitmap.over(ranges, bitmap2.sizeBits, { blockBytes: pageSizeBytes, allocate, chunkBytes });
  for (const { start, end } of ranges) kept.setRange(start, end);
  return { bitmap2: kept, leftOut: wanted.length - fitting };
}

/** In ascending order. */
function rangesOf(pfns: readonly number[]): PfnRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const pfn of Float64Array.from(new Set(pfns)).sort()) {
    const last = ranges.at(-1);
    if (last?.end === pfn) last.end++;
    else ranges.push({ start: pfn, end: pfn + 1 });
  }
  return ranges;
}

/** A block of the file where that is possible: 128 MiB of memory in pages of 4 KiB. */
function chunkBytesFor(sizeBits: number, pageSizeBytes: number): number {
  let chunkBytes = pageSizeBytes;
  while (chunkBytes * BITS_PER_BYTE * MOST_CHUNKS < sizeBits) chunkBytes *= 2;
  return chunkBytes;
}

/** Those of at most `most` chunks of a bitmap, the first that are met: each chunk takes room in the file, twice. */
function withinChunks(pfns: readonly number[], chunkPages: number, most: number): number[] {
  const chunks = new Set<number>();
  return pfns.filter(pfn => {
    const chunk = Math.floor(pfn / chunkPages);
    if (!chunks.has(chunk) && chunks.size < most) chunks.add(chunk);
    return chunks.has(chunk);
  });
}
