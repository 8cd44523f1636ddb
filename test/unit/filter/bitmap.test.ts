import { describe, expect, test } from 'vitest';
import { Bitmap } from '../../../capture/filter/bitmap.ts';

const members = (bitmap: Bitmap) =>
  Array.from({ length: bitmap.sizeBits }, (_, pfn) => pfn).filter(pfn => bitmap.has(pfn));
const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

test('page 0 is the lowest bit of byte 0, as the format stores it', () => {
  const bitmap = Bitmap.create(24);
  for (const pfn of [0, 7, 8, 23]) bitmap.set(pfn);
  expect([...bitmap.bytes]).toEqual([0x81, 0x01, 0x80]);
});

test('bytes are padded to whole blocks, and padding is no page', () => {
  expect(Bitmap.create(8 * 4096, 4096).bytes.length).toBe(4096);
  expect(Bitmap.create(8 * 4096 + 1, 4096).bytes.length).toBe(8192);
  expect(Bitmap.create(8 * 4096 - 1, 4096).bytes.length).toBe(4096);
  const bitmap = Bitmap.create(10, 4096);
  expect(bitmap.nextSet(0)).toBe(10);
  bitmap.bytes[1] = 0xff; // padding from another writer
  expect(bitmap.has(10)).toBe(false);
  expect(bitmap.nextSet(10)).toBe(10);
});

test('ranges set and clear exactly their pages, whatever their ends', () => {
  for (let start = 0; start <= 18; start++) {
    for (let end = start; end <= 34; end++) {
      const bitmap = Bitmap.create(34);
      bitmap.setRange(start, end);
      expect(members(bitmap)).toEqual(range(start, end));
      expect(bitmap.count()).toBe(end - start);
      bitmap.setRange(0, 34);
      bitmap.clearRange(start, end);
      expect(members(bitmap)).toEqual([...range(0, start), ...range(end, 34)]);
    }
  }
});

test('single pages', () => {
  const bitmap = Bitmap.create(20);
  bitmap.setRange(0, 20);
  bitmap.clear(8);
  expect(bitmap.has(8)).toBe(false);
  expect(bitmap.count()).toBe(19);
});

describe('runs', () => {
  const bitmap = Bitmap.create(100);
  bitmap.setRange(3, 5);
  bitmap.setRange(8, 40);
  bitmap.set(99);

  test.each([
    [0, 3],
    [4, 4],
    [5, 8],
    [40, 99],
    [99, 99],
    [100, 100],
    [1000, 100],
  ])('next set from %i is %i', (from, found) => expect(bitmap.nextSet(from)).toBe(found));

  test.each([
    [0, 0],
    [3, 5],
    [8, 40],
    [39, 40],
    [99, 100],
  ])('next clear from %i is %i', (from, found) => expect(bitmap.nextClear(from)).toBe(found));

  test.each([
    [8, 20, 20],
    [8, 24, 24],
    [8, 25, 25],
    [8, 41, 40],
    [30, 30, 30],
  ])('next clear in [%i, %i) is %i', (from, limit, found) =>
    expect(bitmap.nextClear(from, limit)).toBe(found),
  );

  test('next set stops at the limit', () => {
    expect(bitmap.nextSet(40, 60)).toBe(60);
    expect(bitmap.nextSet(40, 99)).toBe(99);
    expect(bitmap.nextSet(40, 100)).toBe(99);
  });
});

/** A leaf of a crashed machine's page tables may reach past the last page: a loop over its pages must end. */
test('in a range that ends past the bitmap, the next set page after the last one is its end', () => {
  const bitmap = Bitmap.create(100);
  bitmap.set(99);
  expect(bitmap.nextSet(50, 5000)).toBe(99);
  expect(bitmap.nextSet(100, 5000)).toBe(5000);
  expect(bitmap.nextSet(4000, 5000)).toBe(5000);
});

test('pages past 2^31 and 2^32: a machine of 20 TiB', () => {
  const sizeBits = (20 * 2 ** 40) / 4096;
  // Sparse backing: only the bytes that are looked at cost memory.
  const bitmap = Bitmap.create(sizeBits);
  for (const start of [2 ** 31 - 3, 2 ** 32 - 3]) {
    bitmap.setRange(start, start + 6);
    expect(bitmap.has(start - 1)).toBe(false);
    expect(bitmap.nextSet(start - 100)).toBe(start);
    expect(bitmap.nextClear(start)).toBe(start + 6);
    bitmap.clear(start + 4);
    expect(bitmap.nextClear(start)).toBe(start + 4);
  }
  expect(bitmap.has(sizeBits - 1)).toBe(false);
  bitmap.set(sizeBits - 1);
  expect(bitmap.nextSet(sizeBits - 50)).toBe(sizeBits - 1);
});

describe('a sparse bitmap', () => {
  const CHUNK = 2 ** 19;
  const RANGES = [
    { start: 5, end: 40 },
    { start: CHUNK - 2, end: CHUNK + 3 },
    { start: 7 * CHUNK + 100, end: 7 * CHUNK + 200 },
    { start: 2 ** 40 - 9, end: 2 ** 40 },
  ];
  const sparse = () => Bitmap.over(RANGES, 2 ** 40);
  /** The same, up to the last range, which no other bitmap has room for. */
  const SIZE = 8 * CHUNK - 3;
  const pair = () => [Bitmap.over(RANGES.slice(0, 3), SIZE), Bitmap.create(SIZE)] as const;

  test('has memory for its ranges alone', () => {
    const bitmap = sparse();
    expect([...bitmap.chunks!]).toEqual([0, 1, 7, 2 ** 21 - 1]);
    expect(bitmap.bytes.length).toBe((4 * CHUNK) / 8);
    for (const { start, end } of RANGES) bitmap.setRange(start, end);
    expect(bitmap.count()).toBe(35 + 5 + 100 + 9);
    expect(bitmap.has(2 ** 40 - 1)).toBe(true);
    expect([bitmap.has(2 ** 39), bitmap.has(2 ** 40)]).toEqual([false, false]);
    expect(() => bitmap.set(2 ** 39)).toThrow('no memory for page');
    expect(() => bitmap.setRange(CHUNK, 3 * CHUNK)).toThrow(RangeError);
    bitmap.clearRange(0, 2 ** 40);
    expect(bitmap.count()).toBe(0);
  });

  test('finds runs across holes and chunks', () => {
    const bitmap = sparse();
    for (const { start, end } of RANGES) bitmap.setRange(start, end);
    const runs: [number, number][] = [];
    for (let pfn = bitmap.nextSet(0); pfn < bitmap.sizeBits; ) {
      const end = bitmap.nextClear(pfn);
      runs.push([pfn, end]);
      pfn = bitmap.nextSet(end);
    }
    expect(runs).toEqual(RANGES.map(({ start, end }) => [start, end]));
    expect(bitmap.nextClear(3 * CHUNK)).toBe(3 * CHUNK);
    expect(bitmap.nextSet(2 * CHUNK, 6 * CHUNK)).toBe(6 * CHUNK);
  });

  test('is what a whole one is, after any changes', () => {
    const [bitmap, whole] = pair();
    const random = (most: number) => Math.floor(Math.random() * most);
    for (let i = 0; i < 300; i++) {
      const { start, end } = RANGES[i % 3];
      const from = start + random(end - start);
      const to = from + random(end - from + 1);
      for (const one of [bitmap, whole]) {
        if (i % 2 === 0) one.setRange(from, to);
        else one.clearRange(from, to + (i % 3 === 0 ? CHUNK : 0));
      }
    }
    const both = [bitmap, bitmap.copy(), whole];
    for (const one of both) {
      expect(one.count()).toBe(whole.count());
      for (let pfn = 0; pfn < SIZE; pfn = whole.nextSet(pfn + 1)) {
        expect(one.has(pfn)).toBe(whole.has(pfn));
        expect(one.nextSet(pfn + 1)).toBe(whole.nextSet(pfn + 1));
        expect(one.nextClear(pfn)).toBe(whole.nextClear(pfn));
      }
      for (let i = 0; i < 200; i++) {
        const [from, to] = [random(SIZE), random(SIZE + 40)];
        let count = 0;
        for (let pfn = whole.nextSet(from); pfn < Math.min(to, SIZE); pfn = whole.nextSet(pfn + 1)) count++;
        expect(one.countIn(from, to)).toBe(count);
      }
    }
    const buffer = new Uint8Array(1 << 20);
    for (const [at, lengthBytes] of [
      [0, 8192],
      [CHUNK / 8 - 100, 200],
      [4096, CHUNK],
      [CHUNK - 1000, 1000],
    ]) {
      const bytes = bitmap.fileBytes(at, lengthBytes, buffer).slice();
      const expected = new Uint8Array(lengthBytes);
      expected.set(whole.bytes.subarray(at, at + lengthBytes));
      expect(Buffer.compare(bytes, expected)).toBe(0);
      expect(Buffer.compare(whole.fileBytes(at, lengthBytes, buffer), expected)).toBe(0);
    }
  });

  test('has memory for small chunks, where they are asked for', () => {
    const [start, chunkBytes] = [5 * 4096 * 8 + 7, 4096];
    const bitmap = Bitmap.over([{ start, end: start + 3 }], 2 ** 30, { chunkBytes });
    expect([[...bitmap.chunks!], bitmap.bytes.length]).toEqual([[5], chunkBytes]);
    for (const one of [bitmap, bitmap.alike(), bitmap.copy()]) {
      one.setRange(start, start + 3);
      expect([one.nextSet(0), one.nextClear(start), one.count()]).toEqual([start, start + 3, 3]);
      const bytes = one.fileBytes(chunkBytes, 8 * chunkBytes, new Uint8Array(8 * chunkBytes));
      expect(bytes.findIndex(byte => byte !== 0)).toBe(4 * chunkBytes);
      expect(() => one.set(start + 4096 * 8)).toThrow('no memory for page');
    }
  });

  test('alike has room for the same pages, and none of them', () => {
    const bitmap = sparse();
    bitmap.setRange(5, 40);
    const other = bitmap.alike();
    expect([other.count(), other.sizeBits]).toEqual([0, 2 ** 40]);
    other.set(2 ** 40 - 1);
    expect(bitmap.has(2 ** 40 - 1)).toBe(false);
  });

  test('is a whole one where there are no holes', () => {
    const bitmap = Bitmap.over([{ start: 0, end: 3 * CHUNK }], 3 * CHUNK, { blockBytes: 4096 });
    expect([bitmap.chunks, bitmap.bytes.length]).toEqual([undefined, (3 * CHUNK) / 8]);
  });

  test('is refused when it takes more than the limit, before it is allocated', () => {
    const allocate = () => expect.unreachable();
    const limits = { allocate, mostBytes: 1 << 20 };
    expect(() => Bitmap.over([{ start: 0, end: 2 ** 40 }], 2 ** 40, limits)).toThrow(RangeError);
  });
});

test('what is outside is refused', () => {
  const bitmap = Bitmap.create(10, 4096);
  expect(() => bitmap.set(10)).toThrow(RangeError);
  expect(() => bitmap.setRange(5, 11)).toThrow(RangeError);
  expect(() => bitmap.setRange(-1, 2)).toThrow(RangeError);
  expect(() => bitmap.setRange(5, 4)).toThrow(RangeError);
  expect(() => bitmap.set(Number.NaN)).toThrow(RangeError);
  expect(() => new Bitmap(new Uint8Array(1), 9)).toThrow(RangeError);
});
