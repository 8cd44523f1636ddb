/** zstd (zstd.h, stable API since 1.4.0), with the frame checksum, which detects a flipped bit in a stored page. */
import { SystemError } from '../errors.ts';
import { AddressOf } from '../ffi/addresses.ts';
import type { Ffi, Library } from '../ffi/library.ts';
import type { Decompressor, PageCompressor } from './codec.ts';
import { DensePageDetector } from './dense-page.ts';
import { unusedBitDamage } from './zstd-frame.ts';

// ZSTD_cParameter
const ZSTD_c_compressionLevel = 100;
const ZSTD_c_checksumFlag = 201;
/** Experimental, so the number is from zstd.h. */
const ZSTD_c_literalCompressionMode = 1002;
/** ZSTD_paramSwitch_e */
const ZSTD_ps_disable = 2;

/**
 * For pages with zeros: a stronger search, with literals stored uncompressed. Few literals are left, and building a Huffman
 * table for each page would be a quarter of the work.
 */
const USUAL_LEVEL = 3;
/** For text and code: there the Huffman table pays off, and the stronger search does not. */
const DENSE_PAGE_LEVEL = 2;
/** The share of the words looked at, of which 4 KiB have eight; see dense-page.ts. With more of them pages are neither smaller nor faster. */
const DENSE_PAGE_ZEROS = 0.25;
const STRIDE_WORDS = 121;

/** @param level for all pages; the default gives a dump no larger than level 1 without checksums does. */
export function openZstd(ffi: Ffi, library: Library, pageSizeBytes: number, level?: number): PageCompressor {
  const createCCtx = library.func('uintptr_t ZSTD_createCCtx()');
  const freeCCtx = library.func('size_t ZSTD_freeCCtx(uintptr_t)');
  const setParameter = library.func('size_t ZSTD_CCtx_setParameter(uintptr_t, int, int)');
  const isError = library.func('uint ZSTD_isError(size_t)');
  const getErrorName = library.func('const char *ZSTD_getErrorName(size_t)');
  const versionString = library.func('const char *ZSTD_versionString()');
  const compress2 = library.func('size_t ZSTD_compress2(uintptr_t, uintptr_t, size_t, uintptr_t, size_t)');
  const compressBound = library.func('size_t ZSTD_compressBound(size_t)');

  const contexts: number[] = [];
  const close = (): void => {
    for (const context of contexts.splice(0)) freeCCtx(context);
  };
  const open = (at: number): number => {
    const refuse = (action: string, actual: string) => {
      close();
      return new SystemError('ZSTD', { action, actual }, { level: at });
    };
    const context: number = createCCtx();
    if (context === 0) throw refuse('start zstd', 'there is no memory for its context');
    contexts.push(context);
    const parameters = [
      [ZSTD_c_compressionLevel, at],
      [ZSTD_c_checksumFlag, 1],
    ];
    for (const [parameter, value] of parameters) {
      const result: number | bigint = setParameter(context, parameter, value);
      if (isError(result) !== 0)
        throw refuse(`set zstd's parameter ${parameter} to ${value}`, getErrorName(result));
    }
    return context;
  };
  const dense = open(level ?? DENSE_PAGE_LEVEL);
  const usual = level === undefined ? open(USUAL_LEVEL) : dense;
  // A library without this parameter takes longer and gives equally good pages, so a failure is ignored.
  if (usual !== dense) setParameter(usual, ZSTD_c_literalCompressionMode, ZSTD_ps_disable);

  const maxOutputBytes: number = compressBound(pageSizeBytes);
  const detector = new DensePageDetector(pageSizeBytes, DENSE_PAGE_ZEROS, STRIDE_WORDS);
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    level: level ?? USUAL_LEVEL,
    implementation: `zstd ${versionString()}`,
    maxOutputBytes,
    compress(source, sourceOffset, output, outputOffset) {
      // An error is a size_t near 2^64, which koffi returns as a bigint; it too is not below a page.
      const size: number | bigint = compress2(
        usual === dense || detector.isDense(source, sourceOffset) ? dense : usual,
        outputAddress.of(output) + outputOffset,
        maxOutputBytes,
        sourceAddress.of(source) + sourceOffset,
        pageSizeBytes,
      );
      return size < pageSizeBytes ? Number(size) : 0;
    },
    close,
  };
}

export function openZstdDecompressor(ffi: Ffi, library: Library, pageSizeBytes: number): Decompressor {
  const createDCtx = library.func('uintptr_t ZSTD_createDCtx()');
  const freeDCtx = library.func('size_t ZSTD_freeDCtx(uintptr_t)');
  const decompressDCtx = library.func(
    'size_t ZSTD_decompressDCtx(uintptr_t, uintptr_t, size_t, uintptr_t, size_t)',
  );
  const context: number = createDCtx();
  if (context === 0)
    throw new SystemError('ZSTD', { action: 'start zstd', actual: 'there is no memory for its context' });
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    decompress: (source, sourceOffset, sizeBytes, output, outputOffset) =>
      decompressDCtx(
        context,
        outputAddress.of(output) + outputOffset,
        pageSizeBytes,
        sourceAddress.of(source) + sourceOffset,
        sizeBytes,
      ) === pageSizeBytes,
    ignoredDamage: unusedBitDamage,
    close: () => {
      freeDCtx(context);
    },
  };
}
