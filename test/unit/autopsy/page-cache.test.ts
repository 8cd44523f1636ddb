/** Pages of the vmcore that stay in memory: whatever was read before, a read gives what the vmcore has. */
import { expect, test } from 'vitest';
import { cachedReads } from '../../../capture/autopsy/page-cache.ts';

const PAGE = 4096;
const MEMORY = Uint8Array.from({ length: 40 * PAGE }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
/** The vmcore ends within this page. */
const CUT = 33;
const END = CUT * PAGE + 100;

/** @returns how often each page was read, as `cached` reads. */
function cacheOf(pages: number) {
  const reads = new Map<number, number>();
  const cached = cachedReads(
    (paddr, into) => {
      reads.set(paddr / PAGE, (reads.get(paddr / PAGE) ?? 0) + 1);
      const held = MEMORY.subarray(paddr, Math.max(paddr, Math.min(paddr + into.length, END)));
      into.set(held);
      return held.length;
    },
    PAGE,
    pages,
  );
  const read = (paddr: number, lengthBytes: number) => {
    const into = new Uint8Array(lengthBytes);
    return into.slice(0, cached(paddr, into));
  };
  return { read, reads };
}

test.each([1, 2, 8, 64])('%d pages: reads of any length, anywhere', pages => {
  const { read } = cacheOf(pages);
  let seed = 7;
  const below = (most: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % most;
  };
  for (let i = 0; i < 3000; i++) {
    const paddr = below(36 * PAGE);
    const lengthBytes = [1, 4, 8, 16, 100, 3000, 5000][below(7)]!;
    const held = Math.max(paddr, Math.min(paddr + lengthBytes, END));
    expect(Buffer.compare(read(paddr, lengthBytes), MEMORY.subarray(paddr, held)), `${paddr}`).toBe(0);
  }
});

test('so many pages are read once, whatever their numbers', () => {
  const { read, reads } = cacheOf(4);
  for (let round = 0; round < 3; round++) for (const pfn of [0, 4, 8, 12]) read(pfn * PAGE + 8, 8);
  expect([...reads]).toEqual([0, 4, 8, 12].map(pfn => [pfn, 1]));
  // One more takes the place of the first.
  for (const pfn of [16, 4, 0]) read(pfn * PAGE, 8);
  expect([reads.get(16), reads.get(4), reads.get(0)]).toEqual([1, 1, 2]);
});

test('a read that fails costs no place', () => {
  let fails = true;
  const cached = cachedReads(
    (paddr, into) => {
      if (fails) throw new Error(`page ${paddr / PAGE}`);
      return into.fill(paddr / PAGE).length;
    },
    PAGE,
    2,
  );
  const into = new Uint8Array(8);
  for (let pfn = 0; pfn < 5; pfn++) expect(() => cached(pfn * PAGE, into)).toThrow(`page ${pfn}`);
  fails = false;
  for (const pfn of [1, 2, 3, 1]) expect([cached(pfn * PAGE, into), into[0]]).toEqual([8, pfn]);
});
