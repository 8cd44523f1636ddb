/** snappy (snappy-c.h). */

import { AddressOf, addressOf } from '../ffi/addresses.ts';
import type { Ffi, Library } from '../ffi/library.ts';
import type { Decompressor, PageCompressor } from './codec.ts';

const SNAPPY_OK = 0;

export function openSnappy(ffi: Ffi, library: Library, pageSizeBytes: number): PageCompressor {
  const snappyCompress = library.func('int snappy_compress(uintptr_t, size_t, uintptr_t, uintptr_t)');
  const maxCompressedLength = library.func('size_t snappy_max_compressed_length(size_t)');
  const maxOutputBytes: number = maxCompressedLength(pageSizeBytes);

  // A size_t: the room on input, the length on output. It is 64 bits wide; its upper half stays 0.
  const length = new Uint32Array(64);
  const lengthAddress = addressOf(ffi, new Uint8Array(length.buffer));
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    level: 0,
    implementation: 'libsnappy',
    maxOutputBytes,
    compress(source, sourceOffset, output, outputOffset) {
      length[0] = maxOutputBytes;
      const status: number = snappyCompress(
        sourceAddress.of(source) + sourceOffset,
        pageSizeBytes,
        outputAddress.of(output) + outputOffset,
        lengthAddress,
      );
      return status === SNAPPY_OK && length[0] < pageSizeBytes ? length[0] : 0;
    },
    close: () => {},
  };
}

export function openSnappyDecompressor(ffi: Ffi, library: Library, pageSizeBytes: number): Decompressor {
  const uncompress = library.func('int snappy_uncompress(uintptr_t, size_t, uintptr_t, uintptr_t)');
  const length = new Uint32Array(64);
  const lengthAddress = addressOf(ffi, new Uint8Array(length.buffer));
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    decompress(source, sourceOffset, sizeBytes, output, outputOffset) {
      length[0] = pageSizeBytes;
      const status: number = uncompress(
        sourceAddress.of(source) + sourceOffset,
        sizeBytes,
        outputAddress.of(output) + outputOffset,
        lengthAddress,
      );
      return status === SNAPPY_OK && length[0] === pageSizeBytes;
    },
    close: () => {},
  };
}
