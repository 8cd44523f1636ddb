/** Which parts of /proc/vmcore are mapped: never across a PT_LOAD boundary, and no small ones. */
import { describe, expect, test } from 'vitest';
import { MAPPING_BYTES, MappableRanges } from '../../../capture/vmcore/mappable.ts';

const PAGE = 4096;
const KIB = 1 << 10;
const MIB = 1 << 20;

/** Two large PT_LOADs that are adjacent in the file, and a small one behind them. */
const FIRST = { start: MIB, end: 41 * MIB };
const SECOND = { start: 41 * MIB, end: 46 * MIB + 16 * KIB };
const SMALL = { start: SECOND.end, end: SECOND.end + 60 * KIB };
const ranges = new MappableRanges([SECOND, SMALL, FIRST], PAGE);

test.each([
  ['the headers', 0, PAGE, undefined],
  ['from the headers into the first', MIB - PAGE, 2 * PAGE, undefined],
  ['the first page', MIB, PAGE, { start: MIB, end: MIB + MAPPING_BYTES }],
  ['a window in the middle', 9 * MIB + 5, PAGE, { start: 9 * MIB, end: 9 * MIB + MAPPING_BYTES }],
  ['the last page of the first', 41 * MIB - PAGE, PAGE, { start: 41 * MIB - 64 * KIB, end: 41 * MIB }],
  ['across the boundary', 41 * MIB - PAGE, PAGE + 1, undefined],
  ['the first page of the second', 41 * MIB, PAGE, { start: 41 * MIB, end: SECOND.end }],
  ['from the second into the small one', SECOND.end - PAGE, 2 * PAGE, undefined],
  ['the small one', SMALL.start, PAGE, undefined],
  ['behind all of them', SMALL.end, PAGE, undefined],
])('%s', (_, offset, lengthBytes, mapping) => {
  expect(ranges.mappingOf(offset, lengthBytes)).toEqual(mapping);
});

test('the probe is small and within the first range', () => {
  expect(ranges.probe).toEqual({ start: MIB, end: MIB + 64 * KIB });
  expect(new MappableRanges([SMALL], PAGE).probe).toBeUndefined();
});

describe('damaged headers', () => {
  test('pages that a range has a part of are not mapped', () => {
    const odd = new MappableRanges([{ start: MIB + 100, end: 2 * MIB + 100 }], PAGE);
    expect(odd.mappingOf(MIB + 100, 10)).toBeUndefined();
    expect(odd.mappingOf(2 * MIB, 10)).toBeUndefined();
    expect(odd.mappingOf(MIB + PAGE, PAGE)).toEqual({ start: MIB + PAGE, end: 2 * MIB });
  });

  test('of ranges that overlap, none crosses where another begins', () => {
    const overlapping = new MappableRanges(
      [
        { start: 0, end: 10 * MIB },
        { start: 4 * MIB, end: 6 * MIB },
      ],
      PAGE,
    );
    expect(overlapping.mappingOf(4 * MIB - PAGE, 2 * PAGE)).toBeUndefined();
    expect(overlapping.mappingOf(0, PAGE)).toEqual({ start: 0, end: 4 * MIB });
    expect(overlapping.mappingOf(8 * MIB, PAGE)).toBeUndefined();
  });

  test('many ranges are looked up without a scan', () => {
    const many = new MappableRanges(
      Array.from({ length: 1 << 18 }, (_, i) => ({ start: i * MIB, end: i * MIB + 128 * KIB })),
      PAGE,
    );
    for (let i = 0; i < 1 << 18; i++) expect(many.mappingOf(i * MIB + PAGE, PAGE)!.start).toBe(i * MIB);
  });
});

test('with every page size a mapping begins on a page', () => {
  for (const pageSizeBytes of [4 * KIB, 16 * KIB, 64 * KIB]) {
    const start = MIB + pageSizeBytes;
    const one = new MappableRanges([{ start, end: start + 32 * MIB }], pageSizeBytes);
    for (let at = start; at < start + 32 * MIB - PAGE; at += 100_000) {
      const mapping = one.mappingOf(at, PAGE)!;
      expect(mapping.start % pageSizeBytes).toBe(0);
      expect(mapping.end - mapping.start).toBeLessThanOrEqual(MAPPING_BYTES);
      expect([mapping.start <= at, at + PAGE <= mapping.end]).toEqual([true, true]);
    }
  }
});
