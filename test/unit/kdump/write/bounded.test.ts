import { describe, expect, test } from 'vitest';
import { openPageCodecs } from '../../../../capture/codecs/decompressors.ts';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import { checkSteps } from '../../../../capture/kdump/check/check.ts';
import { damagedRegions } from '../../../../capture/kdump/format/digest.ts';
import { DUMP_DH_COMPRESSED_INCOMPLETE } from '../../../../capture/kdump/format/header.ts';
import { DescriptorReader, openKdumpFile } from '../../../../capture/kdump/read/file.ts';
import { finish } from '../../../../capture/kdump/steps.ts';
import { dump, MemorySource, machine, PAGE, pageOf } from '../fixture.ts';

const PAGES = 40;
const vmcore = machine([{ start: 0, end: PAGES * PAGE }], pfn => pageOf('noise', pfn));
const whole = dump(vmcore, { dumpLevel: 0 });
const { dataOffset } = whole.result.layout;

/** Which pages a dump has that ends before so many pages' data, pages from `first` on wanted most. */
function bounded(roomPages: number, first: readonly number[] = [], firstPageBytes = [PAGE]) {
  const bitmap = Bitmap.create(PAGES);
  for (const pfn of first) bitmap.set(pfn);
  const limitBytes = dataOffset + roomPages * PAGE;
  const bound = { limitBytes, first: bitmap, firstPages: first.length, firstPageBytes };
  const { file, result } = dump(vmcore, { dumpLevel: 0, bound });
  const kdump = openKdumpFile(new MemorySource(file.bytes));
  const descriptors = new DescriptorReader(kdump);
  const held = Array.from({ length: PAGES }, (_, pfn) => pfn).filter(pfn => descriptors.at(pfn).offset > 0);
  const isMarked = (kdump.header.status & DUMP_DH_COMPRESSED_INCOMPLETE) !== 0;
  return { held, isMarked, file, result, limitBytes };
}
const upTo = (end: number, start = 0) => Array.from({ length: end - start }, (_, i) => start + i);

describe('with room for', () => {
  test.each([0, 1, 10, 39])('%i pages', roomPages => {
    const { held, isMarked, file, result, limitBytes } = bounded(roomPages);
    expect(held).toEqual(upTo(roomPages));
    expect(isMarked).toBe(true);
    expect(result.counts).toMatchObject({ pagesMissing: PAGES - roomPages, pagesDumped: PAGES });
    expect(file.bytes.length).toBeLessThanOrEqual(limitBytes);
  });

  test('all pages the dump is complete, and equal to one without a limit', () => {
    const { isMarked, file, result } = bounded(PAGES);
    expect(isMarked).toBe(false);
    expect(result.counts.pagesMissing).toBe(0);
    expect(file.bytes.equals(whole.file.bytes)).toBe(true);
    expect(result.digest).toEqual(whole.result.digest);
  });
});

describe('the pages that are needed most', () => {
  test.each([
    ['comes before what is below it', 5, [20, 21, 30], [0, 1, 20, 21, 30]],
    ['alone, when there is room for no more', 3, [20, 21, 30], [20, 21, 30]],
    ['as far as there is room', 2, [20, 21, 30], [20, 21]],
    ['leaves its room to the others once it is passed', 6, [0, 1], [0, 1, 2, 3, 4, 5]],
  ] as const)('%s', (_, roomPages, first, held) => expect(bounded(roomPages, first).held).toEqual(held));
});

test('zero pages that share the stored one need no room', () => {
  const zeros = new Set([0, 7, 39]);
  const mixed = machine([{ start: 0, end: PAGES * PAGE }], pfn =>
    zeros.has(pfn) ? Buffer.alloc(PAGE) : pageOf('noise', pfn),
  );
  // Room for the shared page and two more.
  const limitBytes = dataOffset + 3 * PAGE;
  const bound = { limitBytes, first: Bitmap.create(PAGES), firstPages: 0, firstPageBytes: [] };
  const { result } = dump(mixed, { dumpLevel: 1, bound });
  expect(result.counts).toMatchObject({ pagesZero: 3, pagesMissing: PAGES - 5 });
});

test('the more the sampled sizes vary, the more room is held back', () => {
  // Half of them were zeros where it was measured. All are noise.
  const first = [36, 37, 38, 39];
  expect(bounded(10, first, [0, PAGE, 0, PAGE]).held).toEqual([...upTo(6), ...first]);
  expect(bounded(10, first, [PAGE / 2, PAGE / 2, PAGE / 2, PAGE / 2]).held).toEqual([...upTo(8), 36, 37]);
});

test('its digest matches the file, whose only damage is the missing pages', () => {
  const { file, result } = bounded(7, [30]);
  const source = new MemorySource(file.bytes);
  expect(damagedRegions(source, result.digest)).toEqual([]);
  const check = finish(checkSteps(source, openPageCodecs(undefined)));
  expect(check).toMatchObject({ isIncomplete: true, pagesMissing: PAGES - 7 });
  // The fixture's notes are none.
  expect(check.damage.filter(({ region }) => region !== 'head').map(({ text }) => text)).toEqual([
    `it is marked incomplete: ${PAGES - 7} of ${PAGES} pages are missing`,
  ]);
});
