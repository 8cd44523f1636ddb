/** Page data past the page cache: the file is the same, and nothing in it names data that is not there. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TargetError } from '../../../../capture/errors.ts';
import { openAsyncWrites } from '../../../../capture/ffi/aio.ts';
import { openFfi } from '../../../../capture/ffi/library.ts';
import {
  DIRECT_PIECE_BYTES,
  DIRECT_PIECES,
  DirectWrites,
  openDirectly,
  type WriteQueue,
} from '../../../../capture/storage/place/direct-writes.ts';
import { type EndTracking, openFileSink, trackEnd } from '../../../../capture/storage/place/file-sink.ts';

const PIECE = 8192;
/** No multiple of a block, as behind the descriptors of a dump. */
const DATA = 3 * 4096 + 100;
const DESCRIPTORS = 4096;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-direct-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the kernel answers: errno at the beginning, or what became of it. */
interface Answers {
  readonly begin?: (piece: number) => number;
  readonly wait?: (piece: number) => number;
  readonly cached?: (offset: number) => void;
}

/** A file in memory, and writes to it in the order in which they reach it. */
function fakeFile(answers: Answers = {}) {
  const file = Buffer.alloc(1 << 20);
  const calls: string[] = [];
  const write = (how: string, bytes: Uint8Array, offset: number) => {
    answers.cached?.(offset);
    file.set(bytes, offset);
    calls.push(`${how} ${offset}`);
  };
  const open = (how: string): EndTracking =>
    trackEnd({ writeAt: (bytes, offset) => write(how, bytes, offset), sync: () => void calls.push('sync') });
  const buffers = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
  const underWay = new Map<number, { piece: number; offset: number }>();
  let pieces = 0;
  let isClosed = false;
  const queue: WriteQueue = {
    alignBytes: 4096,
    buffers,
    begin(slot, _fd, offset) {
      expect(offset % 4096).toBe(0);
      expect(underWay.has(slot)).toBe(false);
      const piece = pieces++;
      const errno = answers.begin?.(piece) ?? 0;
      if (errno === 0) underWay.set(slot, { piece, offset });
      return errno;
    },
    wait(slot) {
      const { piece, offset } = underWay.get(slot)!;
      underWay.delete(slot);
      const result = answers.wait?.(piece) ?? PIECE;
      file.set(buffers[slot]!.subarray(0, Math.max(0, result)), offset);
      calls.push(`direct ${offset}`);
      return result;
    },
    close() {
      expect(isClosed).toBe(false);
      isClosed = true;
    },
  };
  const from: number[] = [];
  const writes = new DirectWrites(
    open('cached'),
    offset => {
      from.push(offset);
      return open('behind');
    },
    { fd: openSync('/dev/null', 'w'), queue },
    DATA,
  );
  return { file, calls, writes, from, isClosed: () => isClosed };
}

const noise = (sizeBytes: number): Buffer =>
  Buffer.from(Array.from({ length: sizeBytes }, (_, i) => (i * 2654435761) >>> 13));

/** As a page store writes: data, and then what describes it. */
function writeStore(writes: EndTracking, data: Uint8Array, partBytes: number): void {
  for (let at = 0, part = 0; at < data.length; at += partBytes, part++) {
    writes.writeAt(data.subarray(at, at + partBytes), DATA + at);
    writes.writeAt(Uint8Array.of(part + 1), DESCRIPTORS + part);
  }
}

/** The data that the descriptors in the file name must be there. */
function expectNoDescriptorWithoutData(file: Uint8Array, data: Uint8Array, partBytes: number): number {
  let parts = 0;
  while (file[DESCRIPTORS + parts] !== 0) parts++;
  const bytes = Math.min(parts * partBytes, data.length);
  expect(Buffer.from(file.subarray(DATA, DATA + bytes)).equals(data.subarray(0, bytes))).toBe(true);
  return parts;
}

describe('by the kernel', () => {
  test.each([
    ['larger than a piece', DIRECT_PIECE_BYTES + 3000],
    ['smaller', 100_000],
    ['a piece', DIRECT_PIECE_BYTES],
  ])('parts that are %s', (_, partBytes) => {
    const path = join(directory, 'dump');
    const fd = openSync(path, 'w+');
    const queue = openAsyncWrites(openFfi(), DIRECT_PIECES, DIRECT_PIECE_BYTES);
    const results: number[] = [];
    const watched: WriteQueue = {
      ...queue,
      wait(slot) {
        results.push(queue.wait(slot));
        return results.at(-1)!;
      },
    };
    const tracked = trackEnd(openFileSink(fd, path, { durable: true }));
    const writes = new DirectWrites(tracked, () => tracked, { fd: openDirectly(fd), queue: watched }, DATA);
    const data = noise(4_000_000);
    try {
      writeStore(writes, data, partBytes);
      writes.sync();
      writes.writeAt(Uint8Array.of(77), 0); // the header, last
      expect(writes.endOffset).toBe(DATA + data.length);
      const file = readFileSync(path);
      expect(file.subarray(DATA).equals(data)).toBe(true);
      expect([...file.subarray(DESCRIPTORS, DESCRIPTORS + 3)]).toEqual([1, 2, 3]);
      expect(file[0]).toBe(77);
      expect(results).toEqual(Array(7).fill(DIRECT_PIECE_BYTES));
    } finally {
      closeSync(fd);
    }
  });

  test('says why it does not begin, or what came of it', () => {
    const queue = openAsyncWrites(openFfi(), 2, 4096);
    expect(queue.begin(0, 4095, 0)).toBe(constants.errno.EBADF);
    const path = join(directory, 'two');
    const file = openSync(path, 'w');
    try {
      queue.buffers[0]!.fill(1);
      queue.buffers[1]!.fill(2);
      expect([queue.begin(0, file, 4096), queue.begin(1, file, 0)]).toEqual([0, 0]);
      expect([queue.wait(1), queue.wait(0)]).toEqual([4096, 4096]);
      expect(readFileSync(path).equals(Buffer.concat([Buffer.alloc(4096, 2), Buffer.alloc(4096, 1)]))).toBe(
        true,
      );
      expect(queue.begin(0, file, Number.MAX_SAFE_INTEGER)).toBe(0); // no file is as large
      expect(queue.wait(0)).toBe(-constants.errno.EFBIG);
    } finally {
      queue.close();
      closeSync(file);
    }
  });
});

test('a piece is waited for when its buffer is needed again, and descriptors come after their data', () => {
  const { calls, writes, file } = fakeFile();
  const data = noise(4 * PIECE);
  writeStore(writes, data, 5000);
  expect(expectNoDescriptorWithoutData(file, data, 5000)).toBeGreaterThan(1);
  expect(calls.filter(call => call.startsWith('direct'))).toEqual(['direct 16384', 'direct 24576']);
  writes.sync();
  expect(calls.at(-1)).toBe('sync');
  const tail = 4 * 4096 + 3 * PIECE;
  expect(calls.filter(call => call === `cached ${tail}`)).toHaveLength(1);
  expect(expectNoDescriptorWithoutData(file, data, 5000)).toBe(Math.ceil(data.length / 5000));
  expect(file.subarray(DATA, DATA + data.length).equals(data)).toBe(true);
});

const REFUSALS: readonly (readonly [string, Answers])[] = [
  ['at once', { begin: piece => (piece === 1 ? constants.errno.EINVAL : 0) }],
  ['later', { wait: piece => (piece === 1 ? -constants.errno.EIO : PIECE) }],
  ['in part', { wait: piece => (piece === 1 ? 4096 : PIECE) }],
];

test.each(REFUSALS)(
  'what is refused %s goes through the page cache, and so does what follows',
  (_, answers) => {
    const { calls, writes, file, from, isClosed } = fakeFile(answers);
    const data = noise(9 * PIECE + 10);
    for (let at = 0, part = 0; at < data.length; at += 5000, part++) {
      writes.writeAt(data.subarray(at, at + 5000), DATA + at);
      writes.writeAt(Uint8Array.of(part + 1), DESCRIPTORS + part);
      expectNoDescriptorWithoutData(file, data, 5000);
    }
    expect(from).toHaveLength(1);
    expect(isClosed()).toBe(true);
    writes.sync();
    expect(calls.filter(call => call === 'sync')).toEqual(['sync']);
    expect(file.subarray(DATA, DATA + data.length).equals(data)).toBe(true);
    expect(expectNoDescriptorWithoutData(file, data, 5000)).toBe(Math.ceil(data.length / 5000));
  },
);

test('where the target does not take it, no descriptor names what is lost', () => {
  const isLost = (offset: number) => offset >= 4 * 4096 + PIECE;
  const { writes, file, isClosed } = fakeFile({
    wait: piece => (piece === 1 ? -constants.errno.ENOSPC : PIECE),
    cached(offset) {
      if (isLost(offset)) throw new TargetError('ENOSPC', { action: 'write the dump', actual: 'ENOSPC' });
    },
  });
  const data = noise(9 * PIECE);
  expect(() => writeStore(writes, data, 5000)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  writes.close();
  expect(isClosed()).toBe(true);
  const parts = expectNoDescriptorWithoutData(file, data, 5000);
  expect(DATA + parts * 5000).toBeLessThanOrEqual(4 * 4096 + PIECE);
  writes.close();
});

test('a dump that ends before its end has in the file what was given', () => {
  const { writes, file, isClosed, calls } = fakeFile();
  const data = noise(3 * PIECE + 77);
  writeStore(writes, data, 5000);
  writes.close();
  expect(isClosed()).toBe(true);
  expect(calls).not.toContain('sync');
  expect(file.subarray(DATA, DATA + data.length).equals(data)).toBe(true);
  expect(expectNoDescriptorWithoutData(file, data, 5000)).toBe(Math.ceil(data.length / 5000));
  expect(writes.endOffset).toBe(DATA + data.length);
});

test('descriptors of zero pages do not wait for data without end', () => {
  const { writes, file, calls } = fakeFile();
  const data = noise(PIECE - 500);
  writes.writeAt(data, DATA);
  const descriptors = noise(600 << 10);
  for (let at = 0; at < descriptors.length; at += 50_000)
    writes.writeAt(descriptors.subarray(at, at + 50_000), (300 << 10) + at);
  const late = calls.filter(call => call.startsWith('cached')).length;
  expect(late).toBeGreaterThan(8);
  writes.writeAt(data, DATA + data.length);
  writes.sync();
  expect(file.subarray(DATA, DATA + 2 * data.length).equals(Buffer.concat([data, data]))).toBe(true);
  expect(file.subarray(300 << 10, (300 << 10) + descriptors.length).equals(descriptors)).toBe(true);
});
