/** Which bytes the page loop reads: of memory that may be broken, only the pages of the dump. */
import { expect, test } from 'vitest';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import { PageLoop } from '../../../../capture/kdump/write/page-loop.ts';
import { SegmentIndex } from '../../../../capture/vmcore/segments.ts';
import type { ByteSource } from '../../../../capture/vmcore/source.ts';
import { MemorySource, PAGE } from '../fixture.ts';

const PAGES = 64;
const KEPT = [0, 1, 3, 4, 8, 20, 22, 63];

interface Zeros {
  /** From the first page on: a hole of the file. */
  readonly holePages?: number;
  /** Pages that hold zeros. */
  readonly written?: readonly number[];
  readonly findsZeros?: boolean;
}

/** The pages that the loop read, and how many it handed over as zeros. */
function run(
  unused: ReturnType<NonNullable<ByteSource['unusedPages']>>,
  { holePages = 0, written = [], findsZeros = false }: Zeros = {},
) {
  const touched = new Set<number>();
  const bytes = Buffer.alloc(PAGES * PAGE, 1);
  for (const page of written) bytes.fill(0, page * PAGE, (page + 1) * PAGE);
  const memory = new MemorySource(bytes);
  const touch = (offset: number, lengthBytes: number): void => {
    for (let at = offset; at < offset + lengthBytes; at += PAGE) touched.add(at / PAGE);
  };
  const source: ByteSource = {
    name: 'memory',
    sizeBytes: memory.sizeBytes,
    maxWindowBytes: memory.maxWindowBytes,
    readAt(into, offset) {
      touch(offset, into.length);
      return memory.readAt(into, offset);
    },
    window(offset, lengthBytes) {
      touch(offset, lengthBytes);
      return memory.window(offset, lengthBytes);
    },
    unusedPages: () => unused,
    zeroBytes: (offset, lengthBytes) => Math.max(0, Math.min(holePages * PAGE - offset, lengthBytes)),
  };
  const sizeBytes = PAGES * PAGE;
  const segments = new SegmentIndex([{ start: 0, end: sizeBytes, fileOffset: 0, fileBytes: sizeBytes }]);
  const bitmap2 = Bitmap.create(PAGES);
  for (const pfn of KEPT) bitmap2.set(pfn);
  let taken = 0;
  const add = (window: Buffer, at: number, pages: number) => {
    if (findsZeros) for (let i = 0; i < pages; i++) expect(window[at + i * PAGE]).toBe(1);
    taken += pages;
  };
  let zeros = 0;
  const addZeros = (page: Buffer, pages: number) => {
    expect(page.equals(Buffer.alloc(PAGE))).toBe(true);
    zeros += pages;
  };
  const taker = { add, addZeros, addMissing: () => expect.unreachable() };
  const input = { vmcore: { source, segments }, pageSizeBytes: PAGE, bitmap2, findsZeros };
  for (const _ of new PageLoop(input, taker, { onUnreadable: () => expect.unreachable() }).take()) {
  }
  expect(taken + zeros).toBe(KEPT.length);
  return { touched: [...touched].sort((a, b) => a - b), zeros };
}

test('pages that are left out are not read where that is harmful', () => {
  expect(run('harmful')).toEqual({ touched: KEPT, zeros: 0 });
});

test('short gaps are read where that is cheap', () => {
  const { touched } = run('cheap');
  expect(touched).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 22, 63]);
});

test('one window spans all gaps where they are free', () => {
  expect(run('free').touched).toHaveLength(PAGES);
});

test('what a hole of the file has is not read', () => {
  expect(run('cheap', { holePages: 21 })).toEqual({ touched: [22, 63], zeros: 6 });
  expect(run('cheap', { holePages: PAGES })).toEqual({ touched: [], zeros: KEPT.length });
});

test('zeros that are read are told apart where they are looked for', () => {
  const written = [1, 3, 4, 22];
  expect(run('cheap', { written, findsZeros: true }).zeros).toBe(written.length);
  expect(run('cheap', { written }).zeros).toBe(0);
});
