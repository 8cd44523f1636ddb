/** A vmcore in a file of a disk: how it is read, and what a file that gets shorter meanwhile is. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { type OpenFile, openVmcoreFile } from '../../../capture/vmcore/reader.ts';

const PAGE = 4096;
const PAGES = 64;

let folder: string;
let path: string;
let source: OpenFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-reader-'));
  path = join(folder, 'vmcore');
  writeFileSync(path, Buffer.concat(Array.from({ length: PAGES }, (_, i) => Buffer.alloc(PAGE, i + 1))));
  source = openVmcoreFile(path, openLibc(openFfi()));
});
afterEach(() => {
  source.close();
  rmSync(folder, { recursive: true });
});

test('windows have the bytes of the file, wherever they begin', () => {
  for (const [offset, lengthBytes] of [
    [0, PAGE],
    [PAGE - 1, 2],
    [5 * PAGE + 7, 3 * PAGE],
    [0, PAGES * PAGE],
  ]) {
    const window = source.window(offset, lengthBytes);
    expect(window.length).toBe(lengthBytes);
    expect(window[0]).toBe(Math.floor(offset / PAGE) + 1);
    expect(window.at(-1)).toBe(Math.floor((offset + lengthBytes - 1) / PAGE) + 1);
  }
});

test('a window past the end, or longer than there are, is refused', () => {
  expect(() => source.window((PAGES - 1) * PAGE, 2 * PAGE)).toThrow(RangeError);
  expect(() => source.window(0, source.maxWindowBytes + 1)).toThrow(RangeError);
});

test('it is not mapped: what a mapping of it shows after it got shorter would end the program by SIGBUS', () => {
  expect(source.mapped).toBe(false);
  truncateSync(path, 10 * PAGE);
  expect(source.window(0, 10 * PAGE).at(-1)).toBe(10);
  expect(() => source.window(9 * PAGE, 2 * PAGE)).toThrow('there are 4096');
  expect(source.readAt(new Uint8Array(2 * PAGE), 9 * PAGE)).toBe(PAGE);
});
