/** A vmcore in a file of a disk: how it is read, and what a file that gets shorter meanwhile is. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Libc, openLibc } from '../../../capture/ffi/libc.ts';
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

describe('a file with holes', () => {
  const HOLE_PAGES = 16;
  let sparse: OpenFile;
  beforeEach(() => {
    const sparsePath = join(folder, 'sparse');
    const fd = openSync(sparsePath, 'w');
    for (const page of [0, HOLE_PAGES + 1]) writeSync(fd, Buffer.alloc(PAGE, 7), 0, PAGE, page * PAGE);
    closeSync(fd);
    truncateSync(sparsePath, 2 * HOLE_PAGES * PAGE);
    expect(statSync(sparsePath).blocks).toBe((2 * PAGE) / 512);
    sparse = openVmcoreFile(sparsePath, openLibc(openFfi()));
  });
  afterEach(() => sparse.close());

  const zeroPages = (page: number, pages: number) => sparse.zeroBytes!(page * PAGE, pages * PAGE) / PAGE;

  test('says which pages are zeros', () => {
    expect([zeroPages(1, 8), zeroPages(1, 64), zeroPages(9, 64)]).toEqual([8, HOLE_PAGES, HOLE_PAGES - 8]);
    expect([zeroPages(0, 8), zeroPages(HOLE_PAGES + 1, 8), zeroPages(5, 3)]).toEqual([0, 0, 3]);
  });

  test('is read where a hole ends the file: one that gets shorter looks the same', () => {
    expect(zeroPages(HOLE_PAGES + 2, 4)).toBe(0);
  });

  test('is not looked for holes where it is memory', () => {
    const fd = openSync(join(folder, 'sparse'), 'r');
    const memory = openVmcoreFile(`/proc/self/fd/${fd}`, openLibc(openFfi()));
    closeSync(fd);
    expect(memory.zeroBytes!(PAGE, PAGE)).toBe(0);
    memory.close();
  });

  test('is read whole without the FFI, and so is a file without holes', () => {
    const plain = openVmcoreFile(join(folder, 'sparse'), undefined);
    expect(plain.zeroBytes!(PAGE, PAGE)).toBe(0);
    plain.close();
    expect(source.zeroBytes!(PAGE, PAGE)).toBe(0);
  });
});

describe('memory that can be mapped', () => {
  const LOADS = [
    { start: 8 * PAGE, end: 40 * PAGE },
    { start: 40 * PAGE, end: PAGES * PAGE },
  ];
  /** What was mapped: the offset and length of each, in pages. */
  let shown: [number, number][];
  let refused: (offset: number) => boolean;
  let warnings: string[];
  let memory: OpenFile;

  /** Stands in for the kernel: it shows the file's bytes, or refuses. */
  const fakeLibc = () =>
    ({
      openWindow(lengthBytes: number) {
        const bytes = new Uint8Array(lengthBytes);
        return {
          bytes,
          show(_fd: number, offset: number, shownBytes: number) {
            if (refused(offset)) throw new Error('errno 22');
            shown.push([offset / PAGE, shownBytes / PAGE]);
            bytes.fill(0xee);
            source.readAt(bytes.subarray(0, shownBytes), offset);
          },
        };
      },
    }) as unknown as Libc;

  beforeEach(() => {
    shown = [];
    refused = () => false;
    warnings = [];
    // A path below /proc that leads to the file.
    const fd = openSync(path, 'r');
    memory = openVmcoreFile(`/proc/self/fd/${fd}`, fakeLibc(), warning => warnings.push(warning));
    closeSync(fd);
  });
  afterEach(() => memory.close());

  const firstBytes = (...pages: number[]) => pages.map(page => memory.window(page * PAGE, PAGE)[0]);

  test('is read until the segments are known', () => {
    expect(firstBytes(0, 8, 63)).toEqual([1, 9, 64]);
    expect([shown, memory.mapped]).toEqual([[], false]);
  });

  test('one mapping never crosses a boundary of segments, whatever the order of windows', () => {
    memory.allowMapping!(LOADS, PAGE);
    expect(memory.mapped).toBe(true);
    expect(shown).toEqual([[8, 32]]);
    expect(firstBytes(39, 40, 63, 8, 20, 39)).toEqual([40, 41, 64, 9, 21, 40]);
    // A window across the boundary, and one of the headers, are read.
    expect([...memory.window(39 * PAGE, 2 * PAGE)].filter((_, i) => i % PAGE === 0)).toEqual([40, 41]);
    expect(firstBytes(0)).toEqual([1]);
    const segmentOf = (page: number) =>
      LOADS.findIndex(({ start, end }) => page >= start / PAGE && page < end / PAGE);
    for (const [start, length] of shown) expect(segmentOf(start)).toBe(segmentOf(start + length - 1));
    expect(warnings).toEqual([]);
  });

  test('what nobody looks at is free in a mapping, and harmful elsewhere', () => {
    expect(memory.unusedPages!(8 * PAGE, PAGE)).toBe('harmful');
    memory.allowMapping!(LOADS, PAGE);
    expect(memory.unusedPages!(8 * PAGE, PAGE)).toBe('free');
    expect(memory.unusedPages!(39 * PAGE, 2 * PAGE)).toBe('harmful');
    expect(source.unusedPages!(8 * PAGE, PAGE)).toBe('cheap');
  });

  test('that refuses the first mapping is read, with one warning', () => {
    refused = () => true;
    memory.allowMapping!(LOADS, PAGE);
    expect(firstBytes(8, 40, 63)).toEqual([9, 41, 64]);
    expect([shown, memory.mapped]).toEqual([[], false]);
    expect(warnings).toEqual([expect.stringMatching(/is read.*mapped: errno 22/)]);
  });

  test('that refuses a later mapping is never mapped again', () => {
    refused = offset => offset === 40 * PAGE;
    memory.allowMapping!(LOADS, PAGE);
    expect(firstBytes(10, 41, 11, 63)).toEqual([11, 42, 12, 64]);
    expect([shown, memory.mapped]).toEqual([[[8, 32]], false]);
    expect(warnings.length).toBe(1);
    // A caller that still uses the larger window of before gets it.
    expect(memory.window(8 * PAGE, 56 * PAGE).at(-1)).toBe(64);
  });
});

test('a real mapping shows each part of a file in turn, and a refused one is an error', () => {
  const window = openLibc(openFfi()).openWindow(PAGES * PAGE);
  const fd = openSync(path, 'r');
  for (const [first, pages] of [
    [0, 4],
    [10, 20],
    [3, 1],
    [0, PAGES],
  ] as const) {
    window.show(fd, first * PAGE, pages * PAGE);
    expect([window.bytes[0], window.bytes[pages * PAGE - 1]]).toEqual([first + 1, first + pages]);
  }
  closeSync(fd);
  expect(() => window.show(fd, 0, PAGE)).toThrow(/map 4096 bytes at offset 0/);
});
