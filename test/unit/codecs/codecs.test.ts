import { deflateSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Codec } from '../../../capture/codecs/codec.ts';
import { openIgzip, openIgzipDecompressor } from '../../../capture/codecs/igzip.ts';
import { openCodec, openCodecOrFallback } from '../../../capture/codecs/open.ts';
import { CODECS, type CodecName } from '../../../capture/codecs/table.ts';
import { openZstd } from '../../../capture/codecs/zstd.ts';
import { type Library, openFfi, openLibrary } from '../../../capture/ffi/library.ts';
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

describe('zlib', () => {
  const text = Buffer.alloc(PAGE, Array.from({ length: PAGE }, (_, i) => `${i * i} `).join(''));
  /** Text with so many zero words in each 16. */
  const withZeros = (zeroWords: number, seed = 0): Buffer => {
    const page = Buffer.from(text.map(byte => byte + seed));
    for (let at = 0; at < PAGE; at += 64) page.fill(0, at, at + 4 * zeroWords);
    return page;
  };
  const compressed = (page: Buffer, level?: number): Buffer => {
    const codec = openCodec(ffi, {
      name: 'zlib',
      pageSizeBytes: PAGE,
      ...(level !== undefined && { level }),
    });
    const output = new Uint8Array(PAGE);
    const size = codec.compress(page, 0, output, 0);
    codec.close();
    expect(inflateSync(output.subarray(0, size))).toEqual(page);
    return Buffer.from(output.subarray(0, size));
  };
  /** Of the first block, behind a header of two bytes (RFC 1951, 3.2.3). */
  const blockType = (stream: Buffer): string => ['stored', 'fixed', 'dynamic'][(stream[2] >> 1) & 3];

  test('a level that igzip lacks is refused', () => {
    for (const level of [-1, 2, 99]) {
      expect(() => openCodec(ffi, { name: 'zlib', pageSizeBytes: PAGE, level })).toThrow(
        /start igzip.*expected 0 or 1/,
      );
    }
  });

  test('a page has a code of its own, but with many zeros one that is ready', () => {
    for (const zeros of [0, 4, 8]) {
      expect(compressed(withZeros(zeros))).toEqual(compressed(withZeros(zeros), 1));
      expect(blockType(compressed(withZeros(zeros)))).toBe('dynamic');
    }
    for (const zeros of [13, 15]) {
      expect(compressed(withZeros(zeros))).toEqual(compressed(withZeros(zeros), 0));
      expect(blockType(compressed(withZeros(zeros)))).toBe('fixed');
    }
    for (const zeros of [9, 12]) {
      expect(compressed(withZeros(zeros))).not.toEqual(compressed(withZeros(zeros), 1));
      expect(blockType(compressed(withZeros(zeros)))).toBe('dynamic');
      const header = (seed: number) => compressed(withZeros(zeros, seed)).subarray(0, 48);
      expect(header(0)).toEqual(header(3));
    }
  });

  test('pages after one that does not shrink are as they were before it', () => {
    const codec = openCodec(ffi, { name: 'zlib', pageSizeBytes: PAGE });
    const output = new Uint8Array(PAGE);
    for (const zeros of [0, 10, 14]) {
      const page = withZeros(zeros);
      const size = codec.compress(page, 0, output, 0);
      const before = Buffer.from(output.subarray(0, size));
      expect(codec.compress(pageOf('noise', 1), 0, output, 0)).toBe(0);
      expect(codec.compress(page, 0, output, 0)).toBe(size);
      expect(Buffer.from(output.subarray(0, size))).toEqual(before);
    }
    codec.close();
    expect(codec.compress(text, 0, output, 0)).toBe(0);
  });

  test('igzip, which on x86 takes an address into a hash, gives a page the same bytes at another one', () => {
    const codecs = [1, 2, 3].map(() => openCodec(ffi, { name: 'zlib', pageSizeBytes: PAGE, level: 1 }));
    const output = new Uint8Array(PAGE);
    const page = Buffer.from(text);
    // The hash of the first four bytes has 13 bits, and in some of these pages it is that of the address.
    for (let first = 0; first < 3 << 13; first++) {
      page.writeUInt32LE(first);
      page.copy(page, 100, 0, 8);
      const [one, ...others] = codecs.map(codec =>
        Buffer.from(output.subarray(0, codec.compress(page, 0, output, 0))),
      );
      for (const other of others) if (!other.equals(one)) expect(other).toEqual(one);
    }
    for (const codec of codecs) codec.close();
  });

  test('igzip, which may read behind a page, is given a copy of it and of what it inflates', () => {
    const real = openLibrary(ffi, ['libisal.so.2']);
    const seen: bigint[] = [];
    const library = {
      // The first field of both structures that it is called with is the address of a page: next_in and next_out.
      func: (prototype: string) => {
        const call = real.func(prototype);
        if (!/ isal_(?:deflate|inflate)_stateless\(/.test(prototype)) return call;
        return (address: number) => {
          seen.push(new BigUint64Array(ffi.view(address, 8))[0]);
          return call(address);
        };
      },
    } as unknown as Library;
    const windowOf = new Uint8Array(64 * PAGE);
    windowOf.set(text, PAGE);
    const output = new Uint8Array(64 * PAGE);
    const codec = openIgzip(ffi, library, PAGE);
    const decompressor = openIgzipDecompressor(ffi, library, PAGE);
    seen.length = 0;
    const size = codec.compress(windowOf, PAGE, output, PAGE);
    expect(decompressor.decompress(output, PAGE, size, output, 8 * PAGE)).toBe(true);
    expect(Buffer.from(output.subarray(8 * PAGE, 9 * PAGE))).toEqual(text);
    expect(output.subarray(9 * PAGE).every(byte => byte === 0)).toBe(true);
    expect(seen).toHaveLength(2);
    for (const buffer of [windowOf, output]) {
      const start = BigInt(ffi.address(buffer));
      const end = start + BigInt(buffer.length);
      expect(seen.filter(address => address >= start && address < end)).toEqual([]);
    }
    codec.close();
    decompressor.close();
  });

  test('a library with other structures is refused', () => {
    const real = openLibrary(ffi, ['libisal.so.2']);
    const func = (prototype: string) => (/ isal_/.test(prototype) ? () => 0 : real.func(prototype));
    expect(() => openIgzip(ffi, { func } as unknown as Library, PAGE)).toThrow(
      /a page is another one, or none.*ISA-L 2\.25/,
    );
  });

  describe('inflated', () => {
    const decompressor = openIgzipDecompressor(ffi, openLibrary(ffi, ['libisal.so.2']), PAGE);
    const page = new Uint8Array(PAGE);
    const inflates = (stream: Uint8Array): boolean =>
      decompressor.decompress(Buffer.concat([stream, Buffer.alloc(256)]), 0, stream.length, page, 0);
    afterAll(() => decompressor.close());

    test.each(Array.from({ length: 10 }, (_, level) => level))('streams of zlib, level %i', level => {
      for (const windowBits of [9, 12, 15]) {
        for (const zeros of [0, 7, 15, 16]) {
          expect(inflates(deflateSync(withZeros(zeros), { level, windowBits }))).toBe(true);
          expect(Buffer.from(page)).toEqual(withZeros(zeros));
        }
      }
    });

    test('damage is found, and the next page is read', () => {
      const whole = withZeros(8);
      const stream = deflateSync(whole);
      for (let bit = 0; bit < stream.length * 8; bit++) {
        const damaged = Buffer.from(stream);
        damaged[bit >> 3] ^= 1 << (bit & 7);
        // The bits between the last code and the checksum mean nothing, to zlib either.
        if (inflates(damaged)) expect(inflateSync(damaged)).toEqual(whole);
      }
      for (let size = 0; size < stream.length; size++) expect(inflates(stream.subarray(0, size))).toBe(false);
      expect(inflates(deflateSync(whole.subarray(1)))).toBe(false);
      expect(inflates(deflateSync(Buffer.concat([whole, whole])))).toBe(false);
      expect(inflates(deflateSync(whole, { dictionary: whole.subarray(0, 64) }))).toBe(false);
      expect(inflates(stream)).toBe(true);
      expect(Buffer.from(page)).toEqual(whole);
    });
  });
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
