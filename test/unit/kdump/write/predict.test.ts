import { describe, expect, test } from 'vitest';
import { openNodeCodec } from '../../../../capture/codecs/open.ts';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import {
  fittingPages,
  type PageSample,
  predictSize,
  type ReadPage,
  SAMPLE_PAGES,
  samplePages,
  spreadPages,
} from '../../../../capture/kdump/write/predict.ts';
import { dump, everyPage, KINDS, machine, PAGE, pageOf } from '../fixture.ts';

function bitmapOf(...ranges: readonly (readonly [number, number])[]): Bitmap {
  const bitmap = Bitmap.create(10_000);
  for (const [start, end] of ranges) bitmap.setRange(start, end);
  return bitmap;
}

describe('pages spread over the dumpable ones', () => {
  test.each([
    ['none of none', bitmapOf(), 5, []],
    ['all, when there are fewer', bitmapOf([7, 10]), 5, [7, 8, 9]],
    ['all, when there are as many', bitmapOf([7, 10]), 3, [7, 8, 9]],
    ['the middle one', bitmapOf([0, 9]), 1, [4]],
    ['a middle of each third', bitmapOf([0, 9]), 3, [1, 4, 7]],
    ['by rank, not by address', bitmapOf([0, 2], [5000, 5002], [9998, 10_000]), 3, [1, 5001, 9999]],
    ['across a gap', bitmapOf([0, 1], [9000, 9007]), 4, [9000, 9002, 9004, 9006]],
  ] as const)('%s', (_, bitmap, count, expected) =>
    expect([...spreadPages(bitmap, count)]).toEqual(expected),
  );
});

const spread = (bitmap: Bitmap) => spreadPages(bitmap, SAMPLE_PAGES);
const mixed = (pfn: number) => pageOf(KINDS[pfn % KINDS.length], pfn);
const read: ReadPage = (pfn, into) => mixed(pfn).copy(into) > 0;
const LAYOUT = { dataOffset: 1000, block_size: PAGE } as Parameters<typeof predictSize>[0];

describe('a sample of every page is exact', () => {
  test.each([0, 1])('at level %i', dumpLevel => {
    const vmcore = machine([{ start: 0, end: 400 * PAGE }], mixed);
    const codec = openNodeCodec('zlib', PAGE);
    const { result } = dump(vmcore, { dumpLevel, codec });
    const sharesZeroPage = dumpLevel === 1;
    const sample = samplePages(spread(everyPage(vmcore)), read, codec, {
      pageSizeBytes: PAGE,
      sharesZeroPage,
    });
    expect(predictSize(result.layout, 400, sample)).toEqual({
      bytes: result.counts.bytesWritten,
      needBytes: result.counts.bytesWritten,
    });
  });
});

describe('a sample of some', () => {
  const codec = openNodeCodec('zlib', PAGE);
  const options = { pageSizeBytes: PAGE, sharesZeroPage: true };
  // Pages as a kernel has them do not repeat every four.
  const shuffled: ReadPage = (pfn, into) => mixed((pfn * 7919) % 4001).copy(into) > 0;

  test('is close, and the room needed is more than the prediction', () => {
    const vmcore = machine([{ start: 0, end: 4000 * PAGE }], pfn => mixed((pfn * 7919) % 4001));
    const { result } = dump(vmcore, { codec });
    const sample = samplePages(spread(everyPage(vmcore)), shuffled, codec, options);
    const { bytes, needBytes } = predictSize(result.layout, 4000, sample);
    const written = result.counts.bytesWritten;
    expect(Math.abs(bytes - written) / written).toBeLessThan(0.1);
    expect(needBytes).toBeGreaterThan(written);
    expect(needBytes).toBeLessThan(1.4 * written);
  });

  test('shared zero pages and unreadable pages take no room', () => {
    const bitmap = bitmapOf([0, 2000]);
    for (const one of [(_: number, into: Buffer) => into.fill(0).length > 0, () => false]) {
      const sample = samplePages(spread(bitmap), one, codec, options);
      expect(sample.meanBytes).toBe(0);
      expect(predictSize(LAYOUT, 2000, sample).bytes).toBe(1000 + PAGE);
    }
  });

  test('an incompressible page takes a page and no more', () => {
    const noise: ReadPage = (pfn, into) => pageOf('noise', pfn).copy(into) > 0;
    const sample = samplePages(spread(bitmapOf([0, 2000])), noise, codec, options);
    expect(predictSize(LAYOUT, 2000, sample).needBytes).toBe(1000 + PAGE + 2000 * PAGE);
  });

  test('no pages need no bytes', () => {
    const sample = samplePages(spread(bitmapOf()), shuffled, codec, { ...options, sharesZeroPage: false });
    expect(predictSize(LAYOUT, 0, sample)).toEqual({ bytes: 1000, needBytes: 1000 });
  });
});

describe('how many pages fit', () => {
  const pfns = Array.from({ length: 4000 }, (_, i) => i);
  /** By their pfn. */
  const measured =
    (sizeOf: (pfn: number) => number, standardErrorBytes = 0) =>
    (some: Iterable<number>): PageSample => {
      const sizes = [...some].map(sizeOf);
      return { pages: sizes.length, sharesZeroPage: true, sizes, meanBytes: 0, standardErrorBytes };
    };

  test.each([
    ['none of none', [], 1e9, () => 100, 0, 0],
    ['all, when there is room', pfns, 400_200, () => 100, 0, 4000],
    ['as many as there is room for', pfns, 200_000, () => 100, 0, 2000],
    ['few of many, counted one by one', pfns, 10_050, () => 100, 0, 100],
    ['few of many, all of them measured: their size is sure', pfns, 10_050, () => 100, 50, 100],
    ['fewer, where their size is not sure', pfns, 200_000, () => 100, 50, 1000],
    [
      'many small ones before the large ones',
      pfns,
      30_000,
      (pfn: number) => (pfn < 3000 ? 0 : 1000),
      0,
      3030,
    ],
    ['zero pages without room', pfns, 0, () => 0, 0, 4000],
  ] as const)('%s', (_, given, roomBytes, sizeOf, standardErrorBytes, expected) =>
    expect(fittingPages(given, roomBytes, measured(sizeOf, standardErrorBytes))).toBe(expected),
  );
});
