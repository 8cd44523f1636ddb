import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TargetError } from '../../../../capture/errors.ts';
import { type FileCalls, openFileSink } from '../../../../capture/storage/place/file-sink.ts';

let folder: string;
let path: string;
let fd: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-sink-'));
  path = join(folder, 'vmcore');
  fd = openSync(path, 'w');
});
afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

const failing = (code: string): never => {
  throw Object.assign(new Error(`${code}: it says`), { code });
};
const sinkWith = (calls: Partial<FileCalls>) =>
  openFileSink(fd, path, { durable: true, calls: { write: writeSync, sync: () => {}, ...calls } });
const BYTES = Buffer.from('some bytes of a dump');

test('writes where it is asked to', () => {
  const sink = openFileSink(fd, path, { durable: true });
  sink.writeAt(BYTES, 100);
  sink.writeAt(Buffer.from('head'), 0);
  sink.sync();
  const written = readFileSync(path);
  expect(written.subarray(100)).toEqual(BYTES);
  expect(written.subarray(0, 6)).toEqual(Buffer.from('head\0\0'));
});

test.each([1, 3, 19, 20])('goes on after writes of %i bytes', most => {
  const sink = sinkWith({
    write: (fd, bytes, from, length, offset) => writeSync(fd, bytes, from, Math.min(length, most), offset),
  });
  sink.writeAt(BYTES, 7);
  expect(readFileSync(path).subarray(7)).toEqual(BYTES);
});

test('an interrupted write is tried again, not for ever', () => {
  let interruptions = 5;
  const sink = sinkWith({
    write: (...args) => (interruptions-- > 0 ? failing('EINTR') : writeSync(...args)),
  });
  sink.writeAt(BYTES, 0);
  expect(readFileSync(path)).toEqual(BYTES);
  expect(() => sinkWith({ write: () => failing('EINTR') }).writeAt(BYTES, 0)).toThrow(TargetError);
});

describe('refusals', () => {
  test.each(['ENOSPC', 'EIO', 'EDQUOT', 'EROFS', 'EFBIG'])(
    '%s keeps its code, the path and the offset',
    code => {
      let calls = 0;
      const sink = sinkWith({
        write: (...args) => (calls++ === 0 ? writeSync(args[0], args[1], 0, 4, args[4]) : failing(code)),
      });
      expect(() => sink.writeAt(BYTES, 1000)).toThrow(
        expect.objectContaining({ name: 'TargetError', code, facts: { path, offset: 1004 } }),
      );
    },
  );

  test('a file that takes nothing', () => {
    expect(() => sinkWith({ write: () => 0 }).writeAt(BYTES, 0)).toThrow(/takes no more bytes/);
  });

  test('a real full device', () => {
    const full = openSync('/dev/full', 'w');
    try {
      expect(() => openFileSink(full, '/dev/full', { durable: false }).writeAt(BYTES, 0)).toThrow(
        expect.objectContaining({ code: 'ENOSPC' }),
      );
    } finally {
      closeSync(full);
    }
  });

  test('a sync that fails is said: the bytes may be lost', () => {
    expect(() => sinkWith({ sync: () => failing('EIO') }).sync()).toThrow(
      expect.objectContaining({ name: 'TargetError', code: 'EIO' }),
    );
  });
});

test('a sink that promises no durability does not sync', () => {
  const calls: FileCalls = { write: writeSync, sync: () => expect.unreachable() };
  openFileSink(fd, path, { durable: false, calls }).sync();
});
