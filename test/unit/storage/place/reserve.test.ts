/** Room for a file with holes: only what is written gets blocks. */
import { closeSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { DumpFile } from '../../../../capture/storage/place/place.ts';
import { reserve } from '../../../../capture/storage/place/reserve.ts';

const ENOSPC = 28;
const path = join(tmpdir(), `kdumpling-reserve-${process.pid}`);
const fd = openSync(path, 'w+');
afterAll(() => {
  closeSync(fd);
  rmSync(path);
});
const file = { fd, startOffset: 4096 } as DumpFile;

/** What fallocate was asked for: offset and length. */
function reserved(sizeBytes: number, holes: readonly { start: number; end: number }[], errno = 0) {
  const calls: [number, number][] = [];
  const libc = {
    fallocate(_fd: number, offset: number, lengthBytes: number) {
      calls.push([offset, lengthBytes]);
      return errno;
    },
  };
  return { calls, result: reserve(libc, file, sizeBytes, holes) };
}

test.each([
  ['without holes', 100, [], [[4096, 100]]],
  [
    'around holes',
    100,
    [
      { start: 10, end: 2 ** 39 },
      { start: 2 ** 39 + 5, end: 2 ** 40 },
    ],
    [
      [4096, 10],
      [4096 + 2 ** 39, 5],
      [4096 + 2 ** 40, 85],
    ],
  ],
  ['that ends before a hole', 7, [{ start: 10, end: 20 }], [[4096, 7]]],
  ['of no bytes', 0, [], []],
])('%s', (_, sizeBytes, holes, calls) => {
  expect(reserved(sizeBytes, holes)).toEqual({ calls, result: 'reserved' });
});

test('the first refusal is the answer', () => {
  const { calls, result } = reserved(100, [{ start: 10, end: 20 }], ENOSPC);
  expect([calls.length, result]).toEqual([1, 'refused']);
});
