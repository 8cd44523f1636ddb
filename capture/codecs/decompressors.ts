/** The C libraries that decompress pages, by the flags of a page. */
import { DumpFormatError } from '../errors.ts';
import { type Ffi, openLibrary } from '../ffi/library.ts';
import { CODECS, type Decompressor } from './codec.ts';
import { openLibdeflateDecompressor } from './libdeflate.ts';
import { openLzoDecompressor } from './lzo.ts';
import { openNodeDecompressor } from './node-zlib.ts';
import { openSnappyDecompressor } from './snappy.ts';
import { openZstdDecompressor } from './zstd.ts';

/**
 * Degrades to what Node carries where a library cannot be had.
 * @param ffi undefined where it could not be opened.
 * @throws SystemError for lzo and snappy without their library, DumpFormatError for flags that are no codec's.
 */
export function openDecompressor(ffi: Ffi | undefined, flags: number, pageSizeBytes: number): Decompressor {
  const facts = CODECS.find(({ statusFlag }) => statusFlag !== 0 && statusFlag === flags);
  if (!facts) {
    throw new DumpFormatError('PAGE_FLAGS', {
      action: 'decompress a page',
      actual: `its flags are 0x${flags.toString(16)}`,
      wanted: 'one codec of the kdump-compressed format',
    });
  }
  const open = {
    zstd: openZstdDecompressor,
    zlib: openLibdeflateDecompressor,
    lzo: openLzoDecompressor,
    snappy: openSnappyDecompressor,
  }[facts.name as 'zstd' | 'zlib' | 'lzo' | 'snappy'];
  try {
    if (ffi) return open(ffi, openLibrary(ffi, facts.libraries), pageSizeBytes);
  } catch (error) {
    if (facts.name !== 'zstd' && facts.name !== 'zlib') throw error;
  }
  return openNodeDecompressor(facts.name, pageSizeBytes);
}
