/** How large a dump will be: what is exact by arithmetic, and the pages' data by compressing some of them. */

import type { Codec } from '../../codecs/codec.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import { ZeroPageDetector } from '../../filter/zero-page.ts';
import type { DumpLayout } from '../format/layout.ts';

/** Some 6 MB: as much as a fraction of a second compresses, and near enough (see `needBytes`). */
export const SAMPLE_PAGES = 1536;
/** Of a normal distribution, 98 % lie below so many standard errors; being spread evenly, a sample is nearer than that. */
export const STANDARD_ERRORS = 2;

/** What pages of a set take when they are stored. */
export interface PageSample {
  readonly pages: number;
  readonly sharesZeroPage: boolean;
  /** Of each of them, in order. */
  readonly sizes: readonly number[];
  readonly meanBytes: number;
  /** Of `meanBytes`: how wrong it may be. */
  readonly standardErrorBytes: number;
}

export interface Prediction {
  readonly bytes: number;
  /** What there should be room for: the prediction with its error. */
  readonly needBytes: number;
}

/** Fills `into` with a page; false when it cannot be read. */
export type ReadPage = (pfn: number, into: Buffer) => boolean;

/** Up to `count` pages, evenly spread over the set bits of `bitmap`: the middle one of each of `count` equal parts. */
export function* spreadPages(bitmap: Bitmap, count: number): Generator<number> {
  const total = bitmap.count();
  const parts = Math.min(count, total);
  let rank = 0;
  let pfn = bitmap.nextSet(0);
  for (let part = 0; part < parts; part++) {
    const wanted = Math.floor(((part + 0.5) * total) / parts);
    while (rank < wanted) {
      // Whole runs at a time: most of a large bitmap is runs.
      const end = bitmap.nextClear(pfn, pfn + (wanted - rank));
      rank += end - pfn;
      pfn = bitmap.nextSet(end);
    }
    yield pfn;
  }
}

export interface SampleOptions {
  readonly pageSizeBytes: number;
  readonly sharesZeroPage: boolean;
}

export function samplePages(
  pfns: Iterable<number>,
  read: ReadPage,
  codec: Codec,
  { pageSizeBytes, sharesZeroPage }: SampleOptions,
): PageSample {
  const page = Buffer.alloc(pageSizeBytes);
  const output = Buffer.alloc(Math.max(codec.maxOutputBytes, pageSizeBytes));
  const detector = new ZeroPageDetector(pageSizeBytes);
  const sizes: number[] = [];
  for (const pfn of pfns) {
    // What cannot be read is stored as the shared zero page, or as zeros that shrink to next to nothing.
    if (!read(pfn, page)) page.fill(0);
    const isFree = sharesZeroPage && detector.isZero(page, 0);
    sizes.push(isFree ? 0 : codec.compress(page, 0, output, 0) || pageSizeBytes);
  }
  const pages = sizes.length;
  if (pages === 0) return { pages, sharesZeroPage, sizes, meanBytes: 0, standardErrorBytes: 0 };
  const { meanBytes, variance } = spreadOf(sizes);
  return { pages, sharesZeroPage, sizes, meanBytes, standardErrorBytes: Math.sqrt(variance / pages) };
}

/** Of one or more sizes. */
export function spreadOf(sizes: readonly number[]): { meanBytes: number; variance: number } {
  const meanBytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const variance = sizes.reduce((sum, size) => sum + (size - meanBytes) ** 2, 0) / sizes.length;
  return { meanBytes, variance };
}

export function predictSize(layout: DumpLayout, dumpablePages: number, sample: PageSample): Prediction {
  const { dataOffset, block_size } = layout;
  // A sample of everything is no estimate.
  const errors = sample.pages < dumpablePages ? STANDARD_ERRORS : 0;
  const fixedBytes = dataOffset + (sample.sharesZeroPage ? block_size : 0);
  // A mean of whole numbers, times how many there are of them: what is near to one is one.
  const dataBytes = (meanBytes: number) => Math.round(Math.min(meanBytes, block_size) * dumpablePages);
  return {
    bytes: fixedBytes + dataBytes(sample.meanBytes),
    needBytes: fixedBytes + dataBytes(sample.meanBytes + errors * sample.standardErrorBytes),
  };
}

/** How many of `pfns`, from the first on, fit into `roomBytes` for sure: every so many of them is measured. */
export function fittingPages(
  pfns: readonly number[],
  roomBytes: number,
  measure: (some: Iterable<number>) => PageSample,
): number {
  const stride = Math.ceil(pfns.length / SAMPLE_PAGES);
  const { sizes, standardErrorBytes } = measure(pfns.filter((_, i) => i % stride === 0));
  let bytes = 0;
  const parts = sizes.findIndex(size => {
    bytes += stride * (size + STANDARD_ERRORS * standardErrorBytes);
    return bytes > roomBytes;
  });
  return parts === -1 ? pfns.length : parts * stride;
}
