/** libdeflate (libdeflate.h) writes the zlib format that other tools inflate, several times faster than zlib itself. */
import { SystemError } from '../errors.ts';
import { AddressOf } from '../ffi/addresses.ts';
import type { Ffi, Library } from '../ffi/library.ts';
import type { Decompressor, PageCompressor } from './codec.ts';
import { DensePageDetector } from './dense-page.ts';

const LEVEL = 1;
/** At level 1 dense pages are 4 to 5 % larger than at zlib's own level 1, at this level smaller; all other pages are smaller. */
const DENSE_PAGE_LEVEL = 2;
const DENSE_PAGE_ZEROS = 0;

/** @param level for all pages; the default gives a dump no larger than zlib's level 1 does. */
export function openLibdeflate(
  ffi: Ffi,
  library: Library,
  pageSizeBytes: number,
  level?: number,
): PageCompressor {
  const allocCompressor = library.func('uintptr_t libdeflate_alloc_compressor(int)');
  const freeCompressor = library.func('void libdeflate_free_compressor(uintptr_t)');
  const zlibCompress = library.func(
    'size_t libdeflate_zlib_compress(uintptr_t, uintptr_t, size_t, uintptr_t, size_t)',
  );
  const open = (at: number): number => {
    const compressor: number = allocCompressor(at);
    if (compressor !== 0) return compressor;
    throw new SystemError(
      'LIBDEFLATE',
      {
        action: 'start libdeflate',
        actual: 'it has no compressor for this level, or there is no memory',
        wanted: 'a level from 0 to 12',
      },
      { level: at },
    );
  };
  const usual = open(level ?? LEVEL);
  const dense = level === undefined ? open(DENSE_PAGE_LEVEL) : usual;
  // With less room than a page it returns 0 for a page that does not shrink, which is what `compress` must return.
  const maxOutputBytes = pageSizeBytes - 1;
  const detector = new DensePageDetector(pageSizeBytes, DENSE_PAGE_ZEROS);
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    level: level ?? LEVEL,
    implementation: 'libdeflate',
    maxOutputBytes,
    compress: (source, sourceOffset, output, outputOffset) =>
      zlibCompress(
        usual === dense || detector.isDense(source, sourceOffset) ? dense : usual,
        sourceAddress.of(source) + sourceOffset,
        pageSizeBytes,
        outputAddress.of(output) + outputOffset,
        maxOutputBytes,
      ),
    close: () => {
      freeCompressor(usual);
      if (dense !== usual) freeCompressor(dense);
    },
  };
}

export function openLibdeflateDecompressor(ffi: Ffi, library: Library, pageSizeBytes: number): Decompressor {
  const allocDecompressor = library.func('uintptr_t libdeflate_alloc_decompressor()');
  const freeDecompressor = library.func('void libdeflate_free_decompressor(uintptr_t)');
  // Without a pointer for the length (the last argument) it succeeds only if the output is exactly one page.
  const zlibDecompress = library.func(
    'int libdeflate_zlib_decompress(uintptr_t, uintptr_t, size_t, uintptr_t, size_t, uintptr_t)',
  );
  const decompressor: number = allocDecompressor();
  if (decompressor === 0) {
    throw new SystemError('LIBDEFLATE', {
      action: 'start libdeflate',
      actual: 'there is no memory for its decompressor',
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
