import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  BITMAP_BUDGET_BYTES,
  openBitmapMemory,
  storeInDirectory,
  storeInRoom,
} from '../../../capture/ffi/file-memory.ts';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { Bitmap } from '../../../capture/filter/bitmap.ts';

const libc = openLibc(openFfi());
const LARGE = BITMAP_BUDGET_BYTES + (2 << 20);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-file-memory-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const unexpected = (cause: unknown) => expect.unreachable(String(cause));

/** How many mappings of this process lie in files below a folder. */
function mapsOf(folder: string): number {
  return readFileSync('/proc/self/maps', 'utf8').split(folder).length - 1;
}

test('writable zeros in an unlinked file', () => {
  const mapping = storeInDirectory(dir)(libc, 3 * 4096 + 5);
  const { bytes } = mapping;
  expect(readdirSync(dir)).toEqual([]);
  expect(bytes.length).toBe(3 * 4096 + 5);
  expect(bytes.every(byte => byte === 0)).toBe(true);
  bytes.fill(0x5a);
  expect(bytes.every(byte => byte === 0x5a)).toBe(true);
  expect(mapsOf(dir)).toBe(1);
  mapping.release();
  expect(mapsOf(dir)).toBe(0);
  expect(bytes.every(byte => byte === 0)).toBe(true);
});

test('a bitmap in it works like any other', () => {
  const sizeBits = LARGE * 8 - 3;
  const memory = openBitmapMemory(libc, storeInDirectory(dir), unexpected);
  const inFile = Bitmap.create(sizeBits, 4096, memory.allocate);
  expect(mapsOf(dir)).toBe(1);
  const own = Bitmap.create(sizeBits, 4096);
  for (const bitmap of [inFile, own]) {
    bitmap.setRange(5, sizeBits - 5);
    bitmap.clearRange(1000, 2_000_001);
  }
  expect(inFile.count()).toBe(own.count());
  expect(inFile.nextClear(2_000_001)).toBe(sizeBits - 5);
  expect(Buffer.compare(inFile.bytes, own.bytes)).toBe(0);
  memory.release();
  expect(mapsOf(dir)).toBe(0);
});

test('the budget is for all bitmaps together', () => {
  const memory = openBitmapMemory(libc, storeInDirectory(dir), unexpected);
  const third = Math.floor(BITMAP_BUDGET_BYTES / 3);
  for (let i = 0; i < 3; i++) memory.allocate(third);
  expect(mapsOf(dir)).toBe(0);
  memory.allocate(third);
  expect(mapsOf(dir)).toBe(1);
  memory.release();
});

test('small bitmaps, and those without a file, are in anonymous memory', () => {
  const causes: unknown[] = [];
  const allocate = (folder: string, sizeBytes: number) =>
    openBitmapMemory(libc, storeInDirectory(folder), cause => causes.push(cause)).allocate(sizeBytes);
  expect(allocate('/nonexistent', BITMAP_BUDGET_BYTES).length).toBe(BITMAP_BUDGET_BYTES);
  expect(causes).toEqual([]);
  expect(allocate('/nonexistent', LARGE).length).toBe(LARGE);
  expect(causes).toHaveLength(1);
  expect(openBitmapMemory(undefined, storeInDirectory(dir), unexpected).allocate(LARGE).length).toBe(LARGE);
});

test('past the budget and without a store, no more than there is memory for', () => {
  const available = (bytes: number) => openBitmapMemory(libc, undefined, unexpected, () => bytes);
  expect(available(0).allocate(BITMAP_BUDGET_BYTES).length).toBe(BITMAP_BUDGET_BYTES);
  expect(available(3 * LARGE).allocate(LARGE).length).toBe(LARGE);
  expect(() => available(LARGE).allocate(LARGE)).toThrow(RangeError);
});

test('in the room of a partition: zeros first, and given back when it is released', () => {
  const path = join(dir, 'partition');
  writeFileSync(path, Buffer.alloc(LARGE + (1 << 20), 0x5a));
  const fd = openSync(path, 'r+');
  try {
    let lent = 0;
    const offset = 1 << 16;
    const lend = () => {
      lent++;
      return { fd, offset, giveBack: () => lent-- };
    };
    const memory = openBitmapMemory(libc, storeInRoom(lend), unexpected);
    const bytes = memory.allocate(LARGE);
    expect(lent).toBe(1);
    expect(bytes.every(byte => byte === 0)).toBe(true);
    bytes.fill(0xff);
    memory.release();
    expect(lent).toBe(0);
    const held = readFileSync(path);
    expect(held.subarray(offset - 1, offset + 1)).toEqual(Buffer.from([0x5a, 0xff]));
    expect(held.subarray(offset + LARGE - 1, offset + LARGE + 1)).toEqual(Buffer.from([0xff, 0x5a]));
  } finally {
    closeSync(fd);
  }
});
