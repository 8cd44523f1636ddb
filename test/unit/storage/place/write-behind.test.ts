/** A dump is on the device while it is made, and what is there takes no memory. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TargetError } from '../../../../capture/errors.ts';
import { openLibc } from '../../../../capture/ffi/libc.ts';
import { openFfi } from '../../../../capture/ffi/library.ts';
import { trackEnd } from '../../../../capture/storage/place/file-sink.ts';
import { readBehind, writeBehind } from '../../../../capture/storage/place/write-behind.ts';

const MIB = 1 << 20;
/** Where the page data of the file begins; and where the file begins on a partition. */
const [DATA, FILE] = [8192, 16 * MIB];

function open(errnoOf: (offset: number, waits: boolean) => number = () => 0) {
  const calls: string[] = [];
  const at = (offset: number) => (offset - FILE - DATA) / MIB;
  const sink = trackEnd({
    writeAt: (bytes, offset) => void calls.push(`write ${at(FILE + offset)} ${bytes.length / MIB}`),
    sync: () => void calls.push('sync'),
  });
  const behind = writeBehind(
    sink,
    { fd: 3, startOffset: FILE },
    {
      syncRange(fd, offset, lengthBytes, waits) {
        expect([fd, lengthBytes]).toEqual([3, MIB]);
        calls.push(`${waits ? 'wait' : 'start'} ${at(offset)}`);
        return errnoOf(at(offset), waits);
      },
      dropCache(fd, offset, lengthBytes) {
        expect([fd, lengthBytes]).toEqual([3, MIB]);
        calls.push(`drop ${at(offset)}`);
      },
    },
    DATA,
  );
  const write = (mebibyte: number, mebibytes: number) =>
    behind.writeAt(new Uint8Array(mebibytes * MIB), DATA + mebibyte * MIB);
  return { behind, write, calls };
}

test('each piece is given to the device when it is whole, and dropped when two others are on their way', () => {
  const { behind, write, calls } = open();
  write(0, 0.5);
  write(0.5, 0.75);
  expect(calls).toEqual(['write 0 0.5', 'write 0.5 0.75', 'start 0']);
  calls.length = 0;
  write(1.25, 2);
  expect(calls).toEqual(['write 1.25 2', 'start 1', 'start 2', 'wait 0', 'drop 0']);
  calls.length = 0;
  behind.writeAt(new Uint8Array(4096), 0); // headers, bitmaps and descriptors come before the data
  behind.sync();
  expect(calls.filter(call => !call.startsWith('write'))).toEqual(['sync']);
  expect(behind.endOffset).toBe(DATA + 3.25 * MIB);
});

test.each([
  ['at once', false],
  ['later', true],
])('a device that does not take it ends the dump as a write does: %s', (_, isLater) => {
  const { write } = open((mebibyte, waits) =>
    mebibyte === 0 && waits === isLater ? constants.errno.ENOSPC : 0,
  );
  const writeAll = () => {
    for (let mebibyte = 0; mebibyte < 4; mebibyte++) write(mebibyte, 1);
  };
  expect(writeAll).toThrow(TargetError);
  expect(writeAll).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
});

test('what was read is dropped, but for the last two pieces', () => {
  const dropped: number[][] = [];
  const dropCache = (...range: number[]) => void dropped.push(range);
  const forget = readBehind({ fd: 3, startOffset: FILE }, { dropCache });
  for (const end of [10, 20, 25, 30, 32]) forget(end);
  expect(dropped).toEqual([
    [3, FILE, 10],
    [3, FILE + 10, 10],
    [3, FILE + 20, 5],
  ]);
});

test('the kernel takes the calls, and says why it does not', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kdumpling-behind-'));
  const libc = openLibc(openFfi());
  const fd = openSync(join(directory, 'dump'), 'w');
  try {
    writeSync(fd, new Uint8Array(2 * MIB));
    expect([false, true].map(waits => libc.syncRange(fd, MIB, MIB, waits))).toEqual([0, 0]);
    libc.dropCache(fd, MIB, MIB);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
  expect(libc.syncRange(fd, 0, MIB, true)).toBe(constants.errno.EBADF);
});
