import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openKernelImage } from '../../../../../scripts/lib/kexec/arm64/kernel-image.ts';
import { arm64Image } from '../../../../support/arm64-image.ts';

/** As drivers/firmware/efi/libstub/zboot-header.S lays it out. */
function zboot(kind: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(512);
  head.write('MZ\0\0zimg', 0, 'latin1');
  head.writeUInt32LE(head.length, 8);
  head.writeUInt32LE(payload.length, 12);
  head.write(kind, 24, 'latin1');
  return Buffer.concat([head, payload]);
}

const plain = arm64Image();

describe('a kernel image of arm64', () => {
  test.each([
    ['plain', plain],
    ['compressed with gzip', gzipSync(plain)],
    ['an EFI zboot image with gzip', zboot('gzip', gzipSync(plain))],
    ['an EFI zboot image with zstd', zboot('zstd', zstdCompressSync(plain))],
  ])('%s', (_, file) => {
    expect(openKernelImage(file)).toEqual({ bytes: plain, textOffset: 0, memoryBytes: 0x20_0000 });
  });

  test('of a kernel before Linux 5.8, with a text offset', () => {
    expect(openKernelImage(arm64Image({ textOffset: 0x8_0000 })).textOffset).toBe(0x8_0000);
  });

  test('takes at least the memory of its bytes', () => {
    expect(openKernelImage(arm64Image({ memoryBytes: 1 })).memoryBytes).toBe(4096);
  });
});

describe('what cannot be loaded is refused by name', () => {
  test.each([
    ['an empty file', Buffer.alloc(0), /no header of an arm64 image/],
    ['a bzImage', Buffer.alloc(4096, 'HdrS'), /no header of an arm64 image/],
    ['a big-endian kernel', arm64Image({ flags: 1 }), /it is big-endian/],
    ['a kernel without its size', arm64Image({ memoryBytes: 0 }), /does not say how much memory it takes/],
    ['an EFI zboot image with lzma', zboot('lzma', plain), /it is compressed with lzma/],
    ['damaged gzip data', Buffer.from('1f8b0800', 'hex'), /its gzip data are damaged/],
    [
      'an EFI zboot image that was cut off',
      zboot('gzip', gzipSync(plain)).subarray(0, 520),
      /ends after the file/,
    ],
  ])('%s', (_, file, message) => {
    expect(() => openKernelImage(file)).toThrow(message);
  });
});
