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
  bitmap.bytes[1] = 0xff; // padding of somebody else's making
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

test('what lies outside is refused', () => {
  const bitmap = Bitmap.create(10, 4096);
  expect(() => bitmap.set(10)).toThrow(RangeError);
  expect(() => bitmap.setRange(5, 11)).toThrow(RangeError);
  expect(() => bitmap.setRange(-1, 2)).toThrow(RangeError);
  expect(() => bitmap.setRange(5, 4)).toThrow(RangeError);
  expect(() => bitmap.set(Number.NaN)).toThrow(RangeError);
  expect(() => new Bitmap(new Uint8Array(1), 9)).toThrow(RangeError);
});
