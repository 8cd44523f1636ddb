/** LZO1X-1 (lzo/lzo1x.h, lzoconf.h of 2.10). */
import { SystemError } from '../errors.ts';
import { AddressOf, addressOf } from '../ffi/addresses.ts';
import type { Ffi, Library } from '../ffi/library.ts';
import type { Decompressor, PageCompressor } from './codec.ts';

const LZO_E_OK = 0;
/** The library checks its version and the sizes of its types on a 64-bit machine against its own build. */
const LZO_INIT_ARGUMENTS = [0x2080, 2, 4, 8, 4, 8, 8, 8, 8, 48] as const;
/** LZO1X_1_MEM_COMPRESS: 16384 pointers. */
const WORK_MEMORY_BYTES = 16384 * 8;

export function openLzo(ffi: Ffi, library: Library, pageSizeBytes: number): PageCompressor {
  const init = library.func('int __lzo_init_v2(uint, int, int, int, int, int, int, int, int, int)');
  const versionString = library.func('const char *lzo_version_string()');
  const lzo1xCompress = library.func(
    'int lzo1x_1_compress(uintptr_t, size_t, uintptr_t, uintptr_t, uintptr_t)',
  );
  const status: number = init(...LZO_INIT_ARGUMENTS);
  if (status !== LZO_E_OK) {
    throw new SystemError('LZO', {
      action: 'start lzo',
      actual: `its check of the build returned ${status}`,
      wanted: `${LZO_E_OK}`,
    });
  }

  // Read on every call, so that it is not collected while its address is in use.
  let work: Uint8Array | undefined = new Uint8Array(WORK_MEMORY_BYTES);
  const workAddress = addressOf(ffi, work);
  // An lzo_uint that the library writes. It is 64 bits wide; a page's length fits into its lower half.
  const length = new Uint32Array(64);
  const lengthAddress = addressOf(ffi, new Uint8Array(length.buffer));
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    level: 0,
    implementation: `liblzo2 ${versionString()}`,
    maxOutputBytes: pageSizeBytes + Math.ceil(pageSizeBytes / 16) + 64 + 3,
    compress(source, sourceOffset, output, outputOffset) {
      if (!work) return 0;
      const status: number = lzo1xCompress(
        sourceAddress.of(source) + sourceOffset,
        pageSizeBytes,
        outputAddress.of(output) + outputOffset,
        lengthAddress,
        workAddress,
      );
      return status === LZO_E_OK && length[0] < pageSizeBytes ? length[0] : 0;
    },
    close: () => {
      work = undefined;
    },
  };
}

/** Needs neither working memory nor initialization. */
export function openLzoDecompressor(ffi: Ffi, library: Library, pageSizeBytes: number): Decompressor {
  const decompressSafe = library.func(
    'int lzo1x_decompress_safe(uintptr_t, size_t, uintptr_t, uintptr_t, uintptr_t)',
  );
  // An lzo_uint: the room on input, the length on output. Its upper half stays 0.
  const length = new Uint32Array(64);
  const lengthAddress = addressOf(ffi, new Uint8Array(length.buffer));
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    decompress(source, sourceOffset, sizeBytes, output, outputOffset) {
      length[0] = pageSizeBytes;
      const status: number = decompressSafe(
        sourceAddress.of(source) + sourceOffset,
        sizeBytes,
        outputAddress.of(output) + outputOffset,
        lengthAddress,
        0,
      );
      return status === LZO_E_OK && length[0] === pageSizeBytes;
    },
    close: () => {},
  };
}
