import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DumpFile } from '../../../../capture/storage/place/place.ts';
import { reserve } from '../../../../capture/storage/place/reserve.ts';
import { RoomKeeper, type RoomKeeping } from '../../../../capture/storage/policy/room.ts';
import { EPILOGUE_BYTES, readSpace } from '../../../../capture/storage/policy/space.ts';

const MIB = 2 ** 20;
let directory: string;
let file: DumpFile;
let said: string[];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-room-'));
  file = { fd: openSync(join(directory, 'file'), 'wx+'), startOffset: 0 } as DumpFile;
  writeSync(file.fd, Buffer.alloc(4 * MIB, 'x'));
});
afterAll(() => {
  closeSync(file.fd);
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  said = [];
});

function keeper(change: Partial<RoomKeeping> = {}): RoomKeeper {
  return new RoomKeeper({
    directory,
    mostFileBytes: undefined,
    options: { keepFree: '1M', makeRoom: 'never' },
    say: text => void said.push(text),
    warn: text => void said.push(`warning: ${text}`),
    removeOldest: () => undefined,
    ...change,
  });
}

test('what the file system says, less what is kept', () => {
  const { freeBytes } = readSpace(directory);
  const { root } = keeper().room();
  expect(Math.abs(root - (freeBytes - MIB - EPILOGUE_BYTES))).toBeLessThan(64 * MIB);
});

test('what it refused is believed, and what is kept free is kept of that', () => {
  const one = keeper();
  one.refused(file, 4 * MIB);
  expect(one.room()).toEqual({ users: 2 * MIB, root: 2 * MIB });
  expect(said).toEqual([
    `warning: the target had no room after ${4 * MIB} bytes; going on as if it had ${2 * MIB}`,
  ]);
  // Each refusal leaves less, so that trying again comes to an end.
  one.refused(file, 4 * MIB);
  expect(one.room().root).toBe(0);
});

test('blocks count, not a length that was only said', () => {
  const one = keeper();
  one.refused(file, 100 * MIB);
  expect(one.room().root).toBeLessThanOrEqual(3 * MIB);
});

test('a partition without a file system says nothing before, and is believed after', () => {
  const one = keeper({ directory: undefined, mostFileBytes: 50 * MIB });
  expect(one.room().root).toBe(50 * MIB);
  one.refused({ fd: openSync('/dev/null', 'r+'), startOffset: 0 } as DumpFile, 20 * MIB);
  expect(one.room().root).toBe(20 * MIB);
});

test('dumps are removed only where the options let it, and only as long as there are any', () => {
  const names = ['a', 'b'];
  const removeOldest = () => names.shift();
  expect(keeper({ removeOldest }).makeRoom(Number.MAX_SAFE_INTEGER)).toBe(false);
  expect(names).toEqual(['a', 'b']);
  const one = keeper({ removeOldest, options: { keepFree: '0', makeRoom: 'oldest' } });
  expect(one.makeRoom(1)).toBe(false);
  expect(one.makeRoom(Number.MAX_SAFE_INTEGER)).toBe(true);
  expect(one.makeRoom(Number.MAX_SAFE_INTEGER)).toBe(false);
  expect(one.record()).toMatchObject({ removed: ['a', 'b'] });
});

test('the record has the prediction and its error', () => {
  const one = keeper();
  one.predicted(1000);
  expect(one.record().predictionErrorPercent).toBeUndefined();
  one.reserved(true);
  one.written(985);
  expect(one.record()).toMatchObject({ predictedBytes: 1000, predictionErrorPercent: -1.5, reserved: true });
  expect(said).toEqual(['985 bytes written, 1.5 % fewer than predicted']);
});

test.each([
  ['reserved', 0, 'reserved'],
  ['refused, when there is no room', 28, 'refused'],
  [
    'unknown, where the file system has no such call',
    95,
    { unknown: 'the file system refused fallocate with errno 95' },
  ],
])('a reservation is %s', (_, errno, expected) =>
  expect(reserve({ fallocate: () => errno }, file, MIB)).toEqual(expected),
);

test('without the FFI there is none, and a device needs none', () => {
  expect(reserve(undefined, file, MIB)).toEqual({ unknown: 'without the FFI there is no fallocate' });
  const device = { fd: openSync('/dev/null', 'r+'), startOffset: 0 } as DumpFile;
  expect(reserve(undefined, device, MIB)).toEqual({ unknown: 'a partition has all its blocks' });
});
