import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Codec } from '../../../capture/codecs/codec.ts';
import { openCodec, openCodecOrFallback } from '../../../capture/codecs/open.ts';
import { CODECS, type CodecName } from '../../../capture/codecs/table.ts';
import { openZstd } from '../../../capture/codecs/zstd.ts';
import { openFfi, openLibrary } from '../../../capture/ffi/library.ts';
import { type Decompress, openKdump } from '../../support/kdump-reader.ts';
import { dump, KINDS, machine, PAGE, pageOf } from '../kdump/fixture.ts';

const ffi = openFfi();

/** A function of a library that fills a page and its length; written for tests, with the FFI's own buffers. */
function decompressor(soname: string, prototype: string): Decompress {
  const call = openLibrary(ffi, [soname]).func(prototype);
  return (compressed, pageSizeBytes) => {
    const page = Buffer.alloc(pageSizeBytes);
    const length = new BigUint64Array([BigInt(pageSizeBytes)]);
    const status = call(compressed, compressed.length, page, length, null);
    if (status !== 0) throw new Error(`${soname} answers ${status}`);
    return page.subarray(0, Number(length[0]));
  };
}

const snappy = decompressor(
  'libsnappy.so.1',
  'int snappy_uncompress(void *, size_t, void *, void *, void *)',
);
const lzo = decompressor('liblzo2.so.2', 'int lzo1x_decompress_safe(void *, size_t, void *, void *, void *)');

/** Independent of the code under test, one for each codec. */
const REFERENCES: Readonly<Record<CodecName, Decompress>> = {
  zstd: page => zstdDecompressSync(page),
  zlib: page => inflateSync(page),
  lzo,
  snappy,
};

describe.each(CODECS)('$name', ({ name, statusFlag: flag }) => {
  const decompress = REFERENCES[name];
  const opened: Codec[] = [];
  const open = (pageSizeBytes = PAGE, level?: number): Codec => {
    const codec = openCodec(ffi, { name, pageSizeBytes, ...(level !== undefined && { level }) });
    opened.push(codec);
    return codec;
  };
  afterAll(() => opened.forEach(codec => void codec.close()));

  test('pages of every kind are read back, from any offset to any offset', () => {
    const codec = open();
    const source = Buffer.concat([Buffer.alloc(5), ...KINDS.map((kind, i) => pageOf(kind, i))]);
    const output = new Uint8Array(64 * 1024);
    for (const [i, kind] of KINDS.entries()) {
      for (const outputOffset of [0, 1, 4097]) {
        output.fill(0xaa);
        const size = codec.compress(source, 5 + i * PAGE, output, outputOffset);
        expect(output.subarray(0, outputOffset).every(byte => byte === 0xaa)).toBe(true);
        expect(output.subarray(outputOffset + codec.maxOutputBytes).every(byte => byte === 0xaa)).toBe(true);
        if (kind === 'noise') expect(size).toBe(0);
        else
          expect(Buffer.from(decompress(output.subarray(outputOffset, outputOffset + size), PAGE))).toEqual(
            pageOf(kind, i),
          );
      }
    }
  });

  test('source and output arrays may change between calls', () => {
    const codec = open();
    for (let i = 0; i < 20; i++) {
      const source = pageOf('text', i);
      const output = new Uint8Array(8192);
      const size = codec.compress(source, 0, output, 0);
      expect(Buffer.from(decompress(output.subarray(0, size), PAGE))).toEqual(source);
    }
  });

  test('pages of 64 KiB', () => {
    const codec = open(65536);
    const source = Buffer.concat(Array.from({ length: 16 }, (_, i) => pageOf(i % 2 ? 'noise' : 'text', i)));
    const output = new Uint8Array(codec.maxOutputBytes);
    const size = codec.compress(source, 0, output, 0);
    expect(size).toBeGreaterThan(0);
    expect(Buffer.from(decompress(output.subarray(0, size), 65536)).equals(source)).toBe(true);
  });

  test('a dump made with it is read back', () => {
    const mixed = (pfn: number) => pageOf(KINDS[pfn % KINDS.length], pfn);
    const { file, result } = dump(machine([{ start: 0, end: 3000 * PAGE }], mixed), { codec: open() });
    const read = openKdump(file.bytes, { 2: lzo, 4: snappy });
    expect(read.header.status).toBe(flag);
    for (let pfn = 0; pfn < 3000; pfn += 7) {
      expect(read.readPage(pfn), `pfn ${pfn}`).toEqual(mixed(pfn));
      if (KINDS[pfn % KINDS.length] === 'text') expect(read.descriptor(pfn).flags).toBe(flag);
    }
    expect(result.counts).toMatchObject({ pagesZero: 750, pagesUncompressed: 750 });
    expect(read.dataEnd).toBe(file.bytes.length);
  });

  test('names its implementation', () => {
    expect(open().implementation).toMatch(/^(lib|zstd \d)/);
  });
});

test('zstd: the frame checksum detects a flipped bit', () => {
  const codec = openCodec(ffi, { name: 'zstd', pageSizeBytes: PAGE });
  const output = Buffer.alloc(PAGE * 2);
  const size = codec.compress(pageOf('text', 1), 0, output, 0);
  output[size - 1] ^= 1;
  expect(() => zstdDecompressSync(output.subarray(0, size))).toThrow(/checksum/i);
  codec.close();
});

test("zstd: the library works beside Node's copy, which exports the same names", () => {
  const codec = openZstd(ffi, openLibrary(ffi, ['libzstd.so.1']), PAGE, 1);
  const output = new Uint8Array(PAGE * 2);
  for (let i = 0; i < 2000; i++) {
    const size = codec.compress(pageOf('text', i), 0, output, 0);
    if (i % 100 === 0) expect(zstdDecompressSync(output.subarray(0, size))).toEqual(pageOf('text', i));
  }
  codec.close(); // where the two versions met, this crashed
});

test('zstd: levels differ', () => {
  const sizes = [-5, 1, 9].map(level => {
    const codec = openCodec(ffi, { name: 'zstd', pageSizeBytes: PAGE, level });
    const page = Buffer.alloc(PAGE, Array.from({ length: PAGE }, (_, i) => `${i * i} `).join(''));
    const size = codec.compress(page, 0, new Uint8Array(PAGE * 2), 0);
    codec.close();
    return size;
  });
  expect(sizes[0]).toBeGreaterThan(sizes[2]);
});

test('zstd: pages with zeros have raw literals, dense pages coded ones', () => {
  const literals = (page: Buffer, level?: number) => {
    const codec = openCodec(ffi, { name: 'zstd', pageSizeBytes: PAGE, level });
    const output = new Uint8Array(PAGE * 2);
    const size = codec.compress(page, 0, output, 0);
    codec.close();
    expect(zstdDecompressSync(output.subarray(0, size))).toEqual(page);
    return literalsBlockType(output);
  };
  const text = Buffer.alloc(PAGE, Array.from({ length: PAGE }, (_, i) => `${i * i} `).join(''));
  expect(literals(text)).toBe('compressed');
  const gaps = Buffer.from(text);
  for (let at = 0; at < PAGE; at += 64) gaps.fill(0, at, at + 32);
  expect(literals(gaps, 3)).toBe('compressed');
  expect(literals(gaps)).toBe('raw');
});

/** Of a frame's first block (RFC 8878, 3.1.1 and 3.1.1.3.1.1). */
function literalsBlockType(frame: Uint8Array): string {
  const descriptor = frame[4];
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  const headerBytes = 5 + (isSingleSegment ? 0 : 1) + contentSizeBytes;
  const blockHeaderBytes = 3;
  return ['raw', 'rle', 'compressed', 'treeless'][frame[headerBytes + blockHeaderBytes] & 3];
}

test('zlib: a level that libdeflate lacks is refused', () => {
  expect(() => openCodec(ffi, { name: 'zlib', pageSizeBytes: PAGE, level: 99 })).toThrow(
    /libdeflate.*0 to 12/,
  );
});

test('zlib: dense pages are compressed at level 2, which makes up for their size at level 1, all others at level 1', () => {
  const compressed = (page: Buffer, level?: number) => {
    const codec = openCodec(ffi, { name: 'zlib', pageSizeBytes: PAGE, level });
    const output = new Uint8Array(PAGE);
    const size = codec.compress(page, 0, output, 0);
    codec.close();
    return Buffer.from(output.subarray(0, size));
  };
  const text = Buffer.alloc(PAGE, Array.from({ length: PAGE }, (_, i) => `${i * i} `).join(''));
  expect(compressed(text, 1)).not.toEqual(compressed(text, 2));
  expect(compressed(text)).toEqual(compressed(text, 2));
  const gaps = Buffer.from(text);
  for (let at = 0; at < PAGE; at += 64) gaps.fill(0, at, at + 32);
  expect(compressed(gaps, 1)).not.toEqual(compressed(gaps, 2));
  expect(compressed(gaps)).toEqual(compressed(gaps, 1));
});

describe('when something is missing', () => {
  test('without an FFI Node compresses, and the reason is reported', () => {
    const reasons: unknown[] = [];
    const codec = openCodecOrFallback(
      () => openFfi(['/nowhere/koffi.node']),
      { name: 'zstd', pageSizeBytes: PAGE },
      (_, cause) => reasons.push(cause),
    );
    expect(codec).toMatchObject({ name: 'zstd', implementation: 'node:zlib' });
    expect(String(reasons[0])).toMatch(/nowhere/);
  });

  test('with FFI and library nothing degrades', () => {
    const codec = openCodecOrFallback(
      () => ffi,
      { name: 'lzo', pageSizeBytes: PAGE },
      () => expect.unreachable(),
    );
    expect(codec.name).toBe('lzo');
    codec.close();
  });
});

test('a small on-heap array has no stable address', () => {
  const codec = openCodec(ffi, { name: 'snappy', pageSizeBytes: PAGE });
  expect(() => codec.compress(pageOf('text', 0), 0, new Uint8Array(16), 0)).toThrow(/may move/);
});
