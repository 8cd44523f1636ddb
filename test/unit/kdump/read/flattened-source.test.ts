import { describe, expect, test } from 'vitest';
import {
  encodeFlattenedHeader,
  encodeRecordHeader,
  openFlattenedSink,
} from '../../../../capture/kdump/format/flattened.ts';
import { openFlattenedSource } from '../../../../capture/kdump/read/flattened-source.ts';
import { Random } from '../../../support/random.ts';
import { MemorySource } from '../../../support/vmcore-builder.ts';

const END = encodeRecordHeader(-1n, -1n);
type Piece = readonly [offset: number, text: string];
const streamOf = (...pieces: readonly Piece[]) =>
  Buffer.concat([
    encodeFlattenedHeader(),
    ...pieces.flatMap(([offset, text]) => [
      encodeRecordHeader(BigInt(offset), BigInt(text.length)),
      Buffer.from(text, 'latin1'),
    ]),
    END,
  ]);
const open = (stream: Uint8Array) => openFlattenedSource(new MemorySource(stream));
function textOf(stream: Uint8Array): string {
  const source = open(stream);
  const bytes = Buffer.alloc(source.sizeBytes);
  source.readAt(bytes, 0);
  return bytes.toString('latin1');
}

test.each<[string, Piece[], string]>([
  [
    'in order',
    [
      [0, 'abc'],
      [3, 'def'],
    ],
    'abcdef',
  ],
  [
    'out of order',
    [
      [3, 'def'],
      [0, 'abc'],
    ],
    'abcdef',
  ],
  [
    'with a hole',
    [
      [0, 'a'],
      [3, 'b'],
    ],
    'a\0\0b',
  ],
  [
    'the later of two counts',
    [
      [0, 'abcdef'],
      [2, 'XY'],
    ],
    'abXYef',
  ],
  [
    'also when it begins earlier',
    [
      [2, 'XY'],
      [0, 'abcdef'],
    ],
    'abcdef',
  ],
  [
    'one within another, and one behind',
    [
      [0, 'abcdefgh'],
      [1, 'X'],
      [6, 'YZ!'],
    ],
    'aXcdefYZ!',
  ],
])('%s', (_, pieces, text) => expect(textOf(streamOf(...pieces))).toBe(text));

test('any range of any records is what writing them in turn gives', () => {
  const numbers = new Random(7);
  const random = () => numbers.u32();
  for (let round = 0; round < 200; round++) {
    const file = Buffer.alloc(200);
    let sizeBytes = 0;
    const pieces = Array.from({ length: 1 + (random() % 12) }, (): Piece => {
      const offset = random() % 150;
      const text = Array.from({ length: 1 + (random() % 50) }, () =>
        String.fromCharCode(random() % 256),
      ).join('');
      file.write(text, offset, 'latin1');
      sizeBytes = Math.max(sizeBytes, offset + text.length);
      return [offset, text];
    });
    const source = open(streamOf(...pieces));
    expect(source.sizeBytes).toBe(sizeBytes);
    const start = random() % sizeBytes;
    const into = Buffer.alloc(1 + (random() % 80), 0xff);
    const count = source.readAt(into, start);
    expect(count).toBe(Math.min(into.length, sizeBytes - start));
    expect(into.subarray(0, count).equals(file.subarray(start, start + count))).toBe(true);
    expect(Buffer.from(source.window(start, count)).equals(into.subarray(0, count))).toBe(true);
  }
});

describe('the end', () => {
  const stream = streamOf([0, 'abc'], [3, 'def']);
  test('with its mark', () => expect(open(stream).isWhole).toBe(true));
  test.each<[string, Buffer]>([
    ['no records', streamOf()],
    ['bytes behind the mark', Buffer.concat([stream, Buffer.of(0)])],
    ['a lost block that looks like the mark', Buffer.from(stream).fill(0xff, 4096, 4112)],
  ])('%s', (_, bytes) => expect(open(bytes).isWhole).toBe(false));

  test.each([1, 15, 16, 17, 19, 34])('%s bytes cut', cut => {
    const source = open(stream.subarray(0, stream.length - cut));
    expect(source.isWhole).toBe(false);
    expect('abcdef'.startsWith(textOf(stream.subarray(0, stream.length - cut)))).toBe(true);
  });
});

test('as our own writer makes it', () => {
  const pieces: Uint8Array[] = [];
  const sink = openFlattenedSink(bytes => void pieces.push(Uint8Array.from(bytes)));
  const head = Buffer.alloc(4096, 'KDUMP   ');
  sink.writeAt(head, 0);
  sink.writeAt(Buffer.from('data'), 8192);
  sink.writeAt(head, 0);
  sink.end();
  expect(textOf(Buffer.concat(pieces)).slice(8192)).toBe('data');
});

test.each([
  ['another signature', Buffer.alloc(4096)],
  ['an empty file', Buffer.alloc(0)],
  ['a record that ends nowhere', Buffer.concat([encodeFlattenedHeader(), encodeRecordHeader(-5n, 3n)])],
])('%s is refused', (_, stream) => expect(() => open(stream)).toThrow('Cannot rearrange a flattened dump'));

test('no window past the end', () =>
  expect(() => open(streamOf([0, 'abc'])).window(1, 3)).toThrow(RangeError));
