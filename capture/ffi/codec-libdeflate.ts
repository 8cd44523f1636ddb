/** libdeflate (libdeflate.h) for the zlib format: deflate as other tools inflate it, several times faster than zlib's own. */
import { SystemError } from '../errors.ts';
import { type Codec, codecFacts, type Decompressor } from '../kdump/codec.ts';
import { AddressOf } from './addresses.ts';
import type { Ffi, Library } from './library.ts';

export function openLibdeflate(ffi: Ffi, library: Library, pageSizeBytes: number, level: number): Codec {
  const allocCompressor = library.func('uintptr_t libdeflate_alloc_compressor(int)');
  const freeCompressor = library.func('void libdeflate_free_compressor(uintptr_t)');
  const zlibCompress = library.func(
    'size_t libdeflate_zlib_compress(uintptr_t, uintptr_t, size_t, uintptr_t, size_t)',
  );
  const compressor: number = allocCompressor(level);
  if (compressor === 0) {
    throw new SystemError(
      'LIBDEFLATE',
      {
        action: 'start libdeflate',
        actual: 'no compressor for this level, or no memory',
        wanted: 'a level from 0 to 12',
      },
      { level },
    );
  }
  // Given less room than a page, it answers 0 for a page that does not shrink: what the page loop wants to know.
  const maxOutputBytes = pageSizeBytes - 1;
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    name: 'zlib',
    statusFlag: codecFacts('zlib').statusFlag,
    level,
    implementation: 'libdeflate',
    maxOutputBytes,
    compress: (source, sourceOffset, output, outputOffset) =>
      zlibCompress(
        compressor,
        sourceAddress.of(source) + sourceOffset,
        pageSizeBytes,
        outputAddress.of(output) + outputOffset,
        maxOutputBytes,
      ),
    close: () => {
      freeCompressor(compressor);
    },
  };
}

export function openLibdeflateDecompressor(ffi: Ffi, library: Library, pageSizeBytes: number): Decompressor {
  const allocDecompressor = library.func('uintptr_t libdeflate_alloc_decompressor()');
  const freeDecompressor = library.func('void libdeflate_free_decompressor(uintptr_t)');
  // Without a place for the length (the last argument) it succeeds only when exactly a page comes out.
  const zlibDecompress = library.func(
    'int libdeflate_zlib_decompress(uintptr_t, uintptr_t, size_t, uintptr_t, size_t, uintptr_t)',
  );
  const decompressor: number = allocDecompressor();
  if (decompressor === 0) {
    throw new SystemError('LIBDEFLATE', {
      action: 'start libdeflate',
      actual: 'no memory for its decompressor',
    });
  }
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    decompress: (source, sourceOffset, sizeBytes, output, outputOffset) =>
      zlibDecompress(
        decompressor,
        sourceAddress.of(source) + sourceOffset,
        sizeBytes,
        outputAddress.of(output) + outputOffset,
        pageSizeBytes,
        0,
      ) === 0,
    close: () => {
      freeDecompressor(decompressor);
    },
  };
}
