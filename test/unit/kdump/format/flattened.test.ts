import { describe, expect, test } from 'vitest';
import { rearrange } from '../../../../capture/kdump/combine/rearrange.ts';
import { openFlattenedSink } from '../../../../capture/kdump/format/flattened.ts';
import { writeDump } from '../../../../capture/kdump/write/writer.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { dump, inputOf, KINDS, MemoryFile, machine, PAGE, pageOf } from '../fixture.ts';

const vmcore = machine([{ start: 0, end: 600 * PAGE }], pfn => pageOf(KINDS[pfn % KINDS.length], pfn));

/** The records of a stream, read as makedumpfile(8) describes them. */
function recordsOf(stream: Buffer): { offset: number; bytes: Buffer }[] {
  const records: { offset: number; bytes: Buffer }[] = [];
  for (let at = 4096; ; ) {
    const [offset, size] = [stream.readBigInt64BE(at), stream.readBigInt64BE(at + 8)];
    at += 16;
    if (offset === -1n && size === -1n) {
      expect(at).toBe(stream.length);
      return records;
    }
    expect(size).toBeGreaterThan(0n);
    records.push({ offset: Number(offset), bytes: stream.subarray(at, at + Number(size)) });
    at += Number(size);
  }
}

function flatten(): Buffer {
  const parts: Buffer[] = [];
  const sink = openFlattenedSink(bytes => void parts.push(Buffer.from(bytes)));
  writeDump(inputOf(vmcore), sink);
  sink.end();
  return Buffer.concat(parts);
}

function back(stream: Uint8Array, pieceBytes = 1 << 20): { file: MemoryFile; error: unknown } {
  const file = new MemoryFile();
  const rearranger = rearrange(file);
  rearranger.next();
  try {
    for (let at = 0; at < stream.length; at += pieceBytes) {
      if (rearranger.next(stream.subarray(at, at + pieceBytes)).done) return { file, error: undefined };
    }
    while (!rearranger.next(undefined).done);
    return { file, error: undefined };
  } catch (error) {
    return { file, error };
  }
}

const stream = flatten();
const whole = dump(vmcore).file.bytes;

test('the records are the dump, each byte of it once', () => {
  const file = new MemoryFile();
  const records = recordsOf(stream).sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { offset, bytes } of records) {
    expect(offset).toBeGreaterThanOrEqual(end);
    end = offset + bytes.length;
    file.writeAt(bytes, offset);
  }
  expect(file.bytes.equals(whole)).toBe(true);
  expect(stream.toString('latin1', 0, 16)).toBe('makedumpfile\0\0\0\0');
});

test('signature and flags are sent last', () => {
  const last = recordsOf(stream).slice(-2);
  expect(last.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([
    [424, 4],
    [0, 8],
  ]);
});

test.each([1 << 20, 4096, 1000, 7])('rearranged from pieces of %i bytes', pieceBytes => {
  const { file, error } = back(stream, pieceBytes);
  expect(error).toBeUndefined();
  expect(file.bytes.equals(whole)).toBe(true);
});

describe('a stream that is cut', () => {
  const cuts = [0, 1, 4095, 4096, 4111, 4112, 5000, 20_000, stream.length - 17, stream.length - 1];
  test.each(cuts)('at byte %i is never complete', at => {
    const { file, error } = back(stream.subarray(0, at));
    expect(error).toMatchObject({ code: at < 4096 && at < 32 ? 'FLATTENED_HEADER' : 'FLATTENED_CUT' });
    const head = file.bytes.subarray(0, 8).toString('latin1');
    if (head === 'KDUMP   ') expect(file.bytes.readUInt32LE(424) & 8).toBe(8);
    else expect(head.replaceAll('\0', '')).toBe('');
  });

  test('is readable up to the cut', () => {
    const { file } = back(stream.subarray(0, stream.length - 20_000));
    expect(openKdump(file.bytes).header).toMatchObject({
      status: 8,
      maxMapnr64: 600,
      release: expect.any(String),
    });
  });
});

describe('a damaged stream', () => {
  const records = (...pairs: [bigint, bigint][]) => {
    const bytes = Buffer.concat([stream.subarray(0, 4096), Buffer.alloc(16 * pairs.length)]);
    for (const [i, [offset, size]] of pairs.entries()) {
      bytes.writeBigInt64BE(offset, 4096 + 16 * i);
      bytes.writeBigInt64BE(size, 4104 + 16 * i);
    }
    return bytes;
  };
  test.each<[string, bigint, bigint]>([
    ['a record of no bytes', 0n, 0n],
    ['a negative size', 0n, -5n],
    ['a negative offset', -2n, 5n],
    ['half an end mark', -1n, 5n],
    ['past 2^53', 2n ** 53n, 1n],
    ['past 2^63 in sum', 2n ** 63n - 1n, 2n ** 63n - 1n],
  ])('%s', (_, offset, size) => {
    expect(back(records([offset, size])).error).toMatchObject({ code: 'FLATTENED_RECORD' });
  });

  test.each<[string, Buffer]>([
    ['that has no records', Buffer.concat([stream.subarray(0, 4096), Buffer.alloc(16, 0xff)])],
    ['in which a lost block looks like the end mark', Buffer.from(stream).fill(0xff, 4096, 8192)],
    ['with bytes behind its end mark', Buffer.concat([stream, Buffer.of(0)])],
  ])('%s is never complete', (_, bytes) => {
    expect(back(bytes).error).toMatchObject({ code: 'FLATTENED_CUT' });
  });

  test('with a wrong type or signature', () => {
    const typed = Buffer.from(stream);
    typed.writeBigInt64BE(2n, 16);
    expect(back(typed).error).toMatchObject({ code: 'FLATTENED_HEADER' });
    expect(back(whole).error).toMatchObject({ code: 'FLATTENED_HEADER' });
  });

  test('with a head in small and overlapping records', () => {
    const parts = [stream.subarray(0, 4096)];
    for (const [from, to] of [
      [0, 100],
      [50, 300],
      [290, whole.length],
    ] as const) {
      const header = Buffer.alloc(16);
      header.writeBigInt64BE(BigInt(from), 0);
      header.writeBigInt64BE(BigInt(to - from), 8);
      parts.push(header, whole.subarray(from, to));
    }
    parts.push(Buffer.alloc(16, 0xff));
    expect(back(Buffer.concat(parts)).file.bytes.equals(whole)).toBe(true);
  });
});
