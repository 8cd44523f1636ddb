/**
 * The codecs of the kdump-compressed format, one row each. Everything that depends on which codecs there are is derived
 * from here: options and flags, the runtime image's libraries, compression, decompression, checks, tests.
 */
import { DumpFormatError } from '../errors.ts';
import type { Ffi, Library } from '../ffi/library.ts';
import type { Decompressor, PageCompressor } from './codec.ts';
import { openIgzip, openIgzipDecompressor } from './igzip.ts';
import { openLzo, openLzoDecompressor } from './lzo.ts';
import {
  openNodeZlib,
  openNodeZlibDecompressor,
  openNodeZstd,
  openNodeZstdDecompressor,
} from './node-zlib.ts';
import { openSnappy, openSnappyDecompressor } from './snappy.ts';
import { openZstd, openZstdDecompressor } from './zstd.ts';

export interface CodecRow {
  /** Also the long option: `--zstd`. */
  readonly name: string;
  /** DUMP_DH_COMPRESSED_* (makedumpfile: diskdump_mod.h). */
  readonly statusFlag: number;
  /** makedumpfile's option, without the dash. */
  readonly option: string;
  /** The library, by soname. */
  readonly libraries: readonly string[];
  /** Node has the library linked in and exports its functions, so the library itself is needed only if it does not. */
  readonly isInNode: boolean;
  /** A flipped bit in a compressed page shows when it is decompressed. */
  readonly hasChecksum: boolean;
  /** Compresses better than the default by some percent, at twice the time: for when space is short. */
  readonly strongLevel?: number;
  /** @param level on the library's own scale; each page gets the one that measured best when it is left out. */
  readonly open: (ffi: Ffi, library: Library, pageSizeBytes: number, level?: number) => PageCompressor;
  readonly openDecompressor: (ffi: Ffi, library: Library, pageSizeBytes: number) => Decompressor;
  /** The codec that stands in where the FFI or the library is not available; it must have `inNode`. */
  readonly fallback: string;
  /** By Node's own zlib module, 3 to 10 times slower a page than the library. */
  readonly inNode?: {
    readonly open: (pageSizeBytes: number) => PageCompressor;
    readonly openDecompressor: (pageSizeBytes: number) => Decompressor;
  };
}

export const CODECS = [
  {
    name: 'zstd',
    statusFlag: 0x20,
    option: 'z',
    libraries: ['libzstd.so.1'],
    isInNode: true,
    hasChecksum: true,
    strongLevel: 4,
    open: openZstd,
    openDecompressor: openZstdDecompressor,
    fallback: 'zstd',
    inNode: { open: openNodeZstd, openDecompressor: openNodeZstdDecompressor },
  },
  {
    name: 'zlib',
    statusFlag: 0x1,
    option: 'c',
    libraries: ['libisal.so.2'],
    isInNode: false,
    hasChecksum: true,
    open: openIgzip,
    openDecompressor: openIgzipDecompressor,
    fallback: 'zlib',
    inNode: { open: openNodeZlib, openDecompressor: openNodeZlibDecompressor },
  },
  {
    name: 'lzo',
    statusFlag: 0x2,
    option: 'l',
    libraries: ['liblzo2.so.2'],
    isInNode: false,
    hasChecksum: false,
    open: openLzo,
    openDecompressor: openLzoDecompressor,
    // Node has no such codec, and every reader of the format knows zlib.
    fallback: 'zlib',
  },
  {
    name: 'snappy',
    statusFlag: 0x4,
    option: 'p',
    libraries: ['libsnappy.so.1'],
    isInNode: false,
    hasChecksum: false,
    open: openSnappy,
    openDecompressor: openSnappyDecompressor,
    // Node has no such codec, and every reader of the format knows zlib.
    fallback: 'zlib',
  },
] as const satisfies readonly CodecRow[];

export type CodecName = (typeof CODECS)[number]['name'];
export const CODEC_NAMES: readonly CodecName[] = CODECS.map(({ name }) => name);

/** For when space is short. */
export const STRONGEST_CODEC = strongest(CODECS);

/** @throws DumpFormatError for a name that is no codec's. */
export function codecRow(name: string): CodecRow {
  const row = CODECS.find(codec => codec.name === name);
  if (row) return row;
  throw new DumpFormatError('CODEC_UNKNOWN', {
    action: 'compress the dump',
    actual: `there is no codec "${name}"`,
    wanted: CODEC_NAMES.join(', '),
  });
}

function strongest(rows: typeof CODECS): { readonly name: CodecName; readonly level: number } {
  for (const row of rows) if ('strongLevel' in row) return { name: row.name, level: row.strongLevel };
  throw new RangeError('no codec has a strong level');
}
