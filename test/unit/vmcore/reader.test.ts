/** Mapped files: what a disk that fails does to a mapping, a file that got shorter does too (SIGBUS). */
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

test('it is mapped, and windows have the bytes of the file, wherever they begin', () => {
  expect(source.mapped).toBe(true);
  for (const [offset, lengthBytes] of [
    [0, PAGE],
    [PAGE - 1, 2],
    [5 * PAGE + 7, 3 * PAGE],
    [(PAGES - 1) * PAGE, PAGE],
  ]) {
    const window = source.window(offset, lengthBytes);
    expect(window[0]).toBe(Math.floor(offset / PAGE) + 1);
    expect(window.at(-1)).toBe(Math.floor((offset + lengthBytes - 1) / PAGE) + 1);
  }
});

test('where touching the mapping would be SIGBUS, a window throws and the rest can be had', () => {
  truncateSync(path, 10 * PAGE);
  expect(source.window(9 * PAGE, PAGE)[0]).toBe(10);
  for (const [first, count] of [
    [10, 1],
    [9, 2],
    [0, PAGES],
  ]) {
    expect(() => source.window(first * PAGE, count * PAGE)).toThrow('Cannot read');
  }
  expect(source.window(0, 10 * PAGE).at(-1)).toBe(10);
  expect(source.readAt(new Uint8Array(2 * PAGE), 9 * PAGE)).toBe(PAGE);
});
