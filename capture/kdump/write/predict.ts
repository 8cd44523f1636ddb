/** Predicts the size of a dump: headers, bitmaps and descriptors exactly, page data by compressing a sample. */

import type { Codec } from '../../codecs/codec.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import { ZeroPageDetector } from '../../filter/zero-page.ts';
import type { DumpLayout } from '../format/layout.ts';

/** About 6 MB: compressed in a fraction of a second, and accurate enough (see `needBytes`). */
export const SAMPLE_PAGES = 1536;
/** 98 % of a normal distribution are below this many standard errors; an evenly spread sample is closer still. */
export const STANDARD_ERRORS = 2;

/** The second measurement covers this many times the pages that fit by the first. */
const MAY_FIT = 1.25;

/** The stored sizes of sampled pages. */
export interface PageSample {
  readonly pages: number;
  readonly sharesZeroPage: boolean;
  /** In the order of the pages. */
  readonly sizes: readonly number[];
  readonly meanBytes: number;
  /** The standard error of `meanBytes`. */
  readonly standardErrorBytes: number;
}

export interface Prediction {
  readonly bytes: number;
  /** The prediction plus its error margin: the free space to ask for. */
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
    // An unreadable page is stored as the shared zero page, or as zeros that compress to almost nothing.
    if (!read(pfn, page)) page.fill(0);
    const isFree = sharesZeroPage && detector.isZero(page, 0);
    sizes.push(isFree ? 0 : codec.compress(page, 0, output, 0) || pageSizeBytes);
  }
  return sampleOf(sizes, sharesZeroPage);
}

/** @param sizes 0 for a page that shares the stored zero page. */
export function sampleOf(sizes: readonly number[], sharesZeroPage: boolean): PageSample {
  const pages = sizes.length;
  if (pages === 0) return { pages, sharesZeroPage, sizes, meanBytes: 0, standardErrorBytes: 0 };
  const { meanBytes, variance } = spreadOf(sizes);
  return { pages, sharesZeroPage, sizes, meanBytes, standardErrorBytes: Math.sqrt(variance / pages) };
}

/** Mean and variance of at least one size. */
export function spreadOf(sizes: readonly number[]): { meanBytes: number; variance: number } {
  const meanBytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const variance = sizes.reduce((sum, size) => sum + (size - meanBytes) ** 2, 0) / sizes.length;
  return { meanBytes, variance };
}

/** @param holeBytes of the bitmaps: they take no room. */
export function predictSize(
  layout: DumpLayout,
  dumpablePages: number,
  sample: PageSample,
  holeBytes = 0,
): Prediction {
  const { dataOffset, block_size } = layout;
  // A sample of all pages has no sampling error.
  const errors = sample.pages < dumpablePages ? STANDARD_ERRORS : 0;
  const fixedBytes = dataOffset - holeBytes + (sample.sharesZeroPage ? block_size : 0);
  // The product of a mean and its count is a whole number but for rounding errors.
  const dataBytes = (meanBytes: number) => Math.round(Math.min(meanBytes, block_size) * dumpablePages);
  return {
    bytes: fixedBytes + dataBytes(sample.meanBytes),
    needBytes: fixedBytes + dataBytes(sample.meanBytes + errors * sample.standardErrorBytes),
  };
}

/**
 * How many of `pfns`, from the first on, are sure to fit into `roomBytes`. Measures up to `mostMeasured` evenly spaced pages of
 * all, and then of those that may fit.
 */
export function fittingPages(
  pfns: readonly number[],
  roomBytes: number,
  measure: (some: Iterable<number>) => PageSample,
  mostMeasured = SAMPLE_PAGES,
): number {
  const stride = Math.ceil(pfns.length / mostMeasured);
  const { sizes, standardErrorBytes } = measure(pfns.filter((_, i) => i % stride === 0));
  // A sample of all pages has no sampling error.
  const errorBytes = stride > 1 ? STANDARD_ERRORS * standardErrorBytes : 0;
  const fitting = (marginBytes: number) => {
    let bytes = 0;
    const parts = sizes.findIndex(size => {
      bytes += stride * (size + marginBytes);
      return bytes > roomBytes;
    });
    return parts === -1 ? pfns.length : parts * stride;
  };
  // Where few of many pages fit, the first sample had few of these.
  const perhaps = Math.ceil(MAY_FIT * fitting(0)) + stride;
  if (Math.ceil(perhaps / mostMeasured) < stride)
    return fittingPages(pfns.slice(0, perhaps), roomBytes, measure, mostMeasured);
  return fitting(errorBytes);
}
