/** Opens decompressors by the flags of a page: the C library, or else what Node has built in. */
import { DumpFormatError } from '../errors.ts';
import { type Ffi, openLibrary } from '../ffi/library.ts';
import type { Decompressor, PageCodecs } from './codec.ts';
import { CODECS, type CodecRow } from './table.ts';

const ROWS: readonly CodecRow[] = CODECS;

/** @param ffi undefined where it could not be opened: then only what Node has built in can be read. */
export function openPageCodecs(ffi: Ffi | undefined): PageCodecs {
  return {
    flags: flagsOf(ROWS),
    checksumFlags: flagsOf(ROWS.filter(({ hasChecksum }) => hasChecksum)),
    open: (flags, pageSizeBytes) => openDecompressor(ffi, flags, pageSizeBytes),
  };
}

function flagsOf(rows: readonly CodecRow[]): number {
  return rows.reduce((flags, { statusFlag }) => flags | statusFlag, 0);
}

function openDecompressor(ffi: Ffi | undefined, flags: number, pageSizeBytes: number): Decompressor {
  const row = ROWS.find(({ statusFlag }) => statusFlag === flags);
  if (!row) {
    throw new DumpFormatError('PAGE_FLAGS', {
      action: 'decompress a page',
      actual: `its flags are 0x${flags.toString(16)}`,
      wanted: 'one codec of the kdump-compressed format',
    });
  }
  try {
    if (ffi) return row.openDecompressor(ffi, openLibrary(ffi, row.libraries), pageSizeBytes);
  } catch (error) {
    if (!row.inNode) throw error;
  }
  if (row.inNode) return row.inNode.openDecompressor(pageSizeBytes);
  throw new DumpFormatError('CODEC_UNAVAILABLE', {
    action: `decompress ${row.name}`,
    actual: 'Node has no such codec built in',
    wanted: `the FFI and ${row.libraries.join(', ')}`,
  });
}
