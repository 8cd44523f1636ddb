/** The picture of a machine's memory: every page has one use, and a page that the dump lacks is not held. */
import { describe, expect, test } from 'vitest';
import { readMemoryMap } from '../../../../capture/autopsy/summary/memory-map.ts';
import { SegmentIndex } from '../../../../capture/vmcore/segments.ts';
import { ANON_MAPPING, FILE_MAPPING } from '../../../support/memmap-builder.ts';
import { FIRST_PAGE, MemmapMachine, SECTION_PAGES, TEST_PAGES } from '../../../support/memmap-machine.ts';

/** One of each use in the test pages of the first section, and a free block at the start of the second's. */
function machine(): MemmapMachine {
  const made = new MemmapMachine();
  made
    .pages(0)
    .free(0, 3)
    .set(8, { flags: ['lru'], mapping: FILE_MAPPING })
    .set(9, { flags: ['lru', 'private'], mapping: FILE_MAPPING })
    .set(10, { flags: ['lru'], mapping: ANON_MAPPING })
    .set(11, { flags: ['hwpoison'] })
    .set(12, { type: 'offline' });
  made.pages(1).free(0, 4);
  return made;
}

const ALL = { cells: 8, pagesPerCell: 1 << 20 };
const testRange = (section: number) => `0x${((section * SECTION_PAGES + FIRST_PAGE) * 4096).toString(16)}`;

describe('of a machine whose pages are known', () => {
  const map = readMemoryMap(machine().crash(), ALL);

  test('uses, and all of them held by a raw vmcore', () => {
    expect(map.uses).toMatchObject({ free: 24, cache: 2, user: 1, poisoned: 2 });
    expect(map.held).toEqual(map.uses);
  });

  test('ranges and their cells add up', () => {
    for (const { pages, cells } of map.ranges)
      expect(cells.reduce((sum, cell) => sum + cell.pages, 0)).toBe(pages);
    const total = map.ranges.reduce((sum, { pages }) => sum + pages, 0);
    expect(Object.values(map.uses).reduce((sum, count) => sum + count)).toBe(total);
  });

  test('each section by its address', () => {
    const second = map.ranges.find(({ start }) => start === testRange(1))!;
    expect(second).toMatchObject({ pages: TEST_PAGES });
    expect(second.cells.flatMap(({ uses }) => uses.free ?? []).reduce((a, b) => a + b)).toBe(16);
  });
});

test('pages that an earlier filter left out have their use and are not held', () => {
  const crash = machine().crash();
  const { segments } = crash.vmcore.segments;
  const filtered = segments.map(segment =>
    segment.start === (SECTION_PAGES + FIRST_PAGE) * 4096 ? { ...segment, fileBytes: 0 } : segment,
  );
  expect(filtered).not.toEqual(segments);
  const vmcore = { ...crash.vmcore, segments: new SegmentIndex(filtered) };
  const map = readMemoryMap({ ...crash, vmcore }, ALL);
  const second = map.ranges.find(({ start }) => start === testRange(1))!;
  expect(second.cells.reduce((sum, { held }) => sum + held, 0)).toBe(0);
  expect(map.uses.free! - map.held.free!).toBe(16);
});

test('of a large machine, the beginning of each cell stands for it', () => {
  const { ranges } = readMemoryMap(machine().crash(), { cells: 2, pagesPerCell: 8 });
  const first = ranges.find(({ start }) => start === testRange(0))!;
  expect(first.cells).toEqual([{ pages: TEST_PAGES, held: TEST_PAGES, uses: { free: TEST_PAGES } }]);
});

test.each([
  [
    'kernel memory that cannot be translated',
    (crash: ReturnType<MemmapMachine['crash']>) => ({ ...crash, memory: undefined }),
  ],
  ['a memmap that is nowhere', () => new MemmapMachine({ vmcoreinfo: { 'SIZE(page)': undefined } }).crash()],
])('%s is an error, and not an empty picture', (_, make) => {
  expect(() => readMemoryMap(make(machine().crash()), ALL)).toThrow(/Cannot classify the pages of memory: /);
});
