import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openNodeCodec } from '../../../capture/codecs/open.ts';
import { CODECS, codecRow } from '../../../capture/codecs/table.ts';
import { PAGE, pageOf } from '../kdump/fixture.ts';

describe('Node’s own codecs', () => {
  test.each([
    ['zstd', 'zstd', zstdDecompressSync],
    ['zlib', 'zlib', inflateSync],
    ['lzo', 'zlib', inflateSync],
    ['snappy', 'zlib', inflateSync],
  ] as const)('%s is done as %s', (wanted, name, decompress) => {
    const codec = openNodeCodec(wanted, PAGE);
    expect(codec.name).toBe(name);
    expect(codec.statusFlag).toBe(codecRow(name).statusFlag);
    const source = Buffer.concat([pageOf('noise', 1), pageOf('text', 2)]);
    const output = Buffer.alloc(2 * PAGE, 0xaa);
    expect(codec.compress(source, 0, output, 0)).toBe(0);
    const size = codec.compress(source, PAGE, output, 100);
    expect(decompress(output.subarray(100, 100 + size))).toEqual(pageOf('text', 2));
    expect(output.subarray(0, 100).every(byte => byte === 0xaa)).toBe(true);
  });

  test('zstd frames have a checksum: a flipped bit is an error', () => {
    const codec = openNodeCodec('zstd', PAGE);
    const output = Buffer.alloc(PAGE);
    const size = codec.compress(pageOf('text', 1), 0, output, 0);
    output[size - 1] ^= 1;
    expect(() => zstdDecompressSync(output.subarray(0, size))).toThrow(/checksum/i);
  });
});

test('flags and options are the format’s and makedumpfile’s', () => {
  expect(CODECS.map(({ name, statusFlag, option }) => [name, statusFlag, option])).toEqual([
    ['zstd', 0x20, 'z'],
    ['zlib', 1, 'c'],
    ['lzo', 2, 'l'],
    ['snappy', 4, 'p'],
  ]);
  expect(() => codecRow('lz4')).toThrow(/no codec "lz4"; expected zstd, zlib/);
});
