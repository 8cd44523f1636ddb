import { describe, expect, test } from 'vitest';
import { comparePages, type PageClass } from '../../../../qemu/judges/pages.ts';

const PAGES: readonly PageClass[] = [
  'absent',
  'kernel',
  'free',
  'cache',
  'cachePrivate',
  'user',
  'hwpoison',
  'offline',
];
const ZERO_PFNS: readonly number[] = [1, 3];

function kernelPages(hwpoisonKnown = true) {
  return {
    maxPfn: PAGES.length,
    hwpoisonKnown,
    classOf: (pfn: number) => PAGES[pfn] ?? 'absent',
    isZero: (pfn: number) => ZERO_PFNS.includes(pfn),
  };
}

/** A dump of these pages; each has its data at its pfn, unless `offsets` says otherwise. */
function dumpOf(pfns: readonly number[], offsets: readonly number[] = pfns) {
  return { maxMapnr: PAGES.length, has: (pfn: number) => pfns.includes(pfn), dataOffsets: offsets };
}

describe('a dump is exact', () => {
  test.each([
    [0, [1, 2, 3, 4, 5]],
    [2, [1, 2, 4, 5]],
    [4, [1, 2, 5]],
    [6, [1, 2, 5]],
    [8, [1, 2, 3, 4]],
    [16, [1, 3, 4, 5]],
    [30, [1]],
  ])('level %i: pages %j', (level, kept) => {
    expect(comparePages(kernelPages(), dumpOf(kept), level)).toEqual({ needed: [], droppable: [] });
  });
});

test('names each page that is lost, and each that is kept and should not be', () => {
  const verdict = comparePages(kernelPages(), dumpOf([0, 2, 6, 7]), 16);
  expect(verdict.needed.map(({ pfn }) => pfn)).toEqual([1, 3, 4, 5]);
  expect(verdict.droppable).toEqual([
    { pfn: 0, kind: 'absent' },
    { pfn: 2, kind: 'free' },
    { pfn: 6, kind: 'hwpoison' },
    { pfn: 7, kind: 'offline' },
  ]);
});

test('zero pages share one copy at levels with bit 1', () => {
  expect(comparePages(kernelPages(), dumpOf([1, 3], [9, 9]), 1 + 4 + 8 + 16).droppable).toEqual([
    { pfn: 3, kind: 'cache' },
  ]);
  const kept = dumpOf([1, 2, 3, 4, 5], [9, 8, 7, 6, 5]);
  expect(comparePages(kernelPages(), kept, 1).droppable).toEqual([{ pfn: 3, kind: 'zero' }]);
  expect(comparePages(kernelPages(), kept, 0).droppable).toEqual([]);
});

test.each([0, 1])(
  'level %i on a kernel without PG_hwpoison: offline pages may be kept or left out',
  level => {
    const shared = [9, 8, 9, 7, 6];
    expect(comparePages(kernelPages(false), dumpOf([1, 2, 3, 4, 5], shared), level).droppable).toEqual([]);
    const more = comparePages(kernelPages(false), dumpOf([1, 2, 3, 4, 5, 7], [...shared, 5]), level);
    expect(more.droppable).toEqual([]);
  },
);
