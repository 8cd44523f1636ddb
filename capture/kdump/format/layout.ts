/**
 * The offsets in a kdump-compressed file: pure arithmetic (makedumpfile: IMPLEMENTATION).
 *
 *     header             block 0
 *     sub header, notes  from block 1, the notes directly after the sub header
 *     bitmap1, bitmap2   each in whole blocks
 *     page descriptors   one for each set bit of bitmap2, in its order
 *     page data          begins with the shared zero page, if zero pages are left out
 */
import { DumpFormatError } from '../../errors.ts';
import { PAGE_DESC_BYTES } from './descriptor.ts';
import { DISKDUMP_HEADER_BLOCKS, isBlockSize, KDUMP_SUB_HEADER_BYTES } from './header.ts';

export interface LayoutFacts {
  readonly pageSizeBytes: number;
  /** Pfns are below this. */
  readonly max_mapnr: number;
  readonly noteBytes: number;
  /** Set bits of bitmap2. */
  readonly dumpablePages: number;
}

export interface DumpLayout {
  readonly block_size: number;
  readonly sub_hdr_size: number;
  readonly bitmap_blocks: number;
  readonly offset_note: number;
  /** One bitmap with its padding. */
  readonly bitmapBytes: number;
  readonly bitmap1Offset: number;
  readonly bitmap2Offset: number;
  readonly descriptorsOffset: number;
  readonly dataOffset: number;
}

/** @throws DumpFormatError when the format cannot hold such a dump. */
export function planLayout({ pageSizeBytes, max_mapnr, noteBytes, dumpablePages }: LayoutFacts): DumpLayout {
  if (!isBlockSize(pageSizeBytes)) {
    throw refuse(`the page size is ${pageSizeBytes}`, 'a power of two from 4096 to 65536');
  }
  if (!(Number.isSafeInteger(max_mapnr * pageSizeBytes) && max_mapnr > 0)) {
    throw refuse(`there are ${max_mapnr} pages`, 'at least one page, and an end below 2^53 bytes');
  }
  if (!(dumpablePages >= 0 && dumpablePages <= max_mapnr)) {
    throw refuse(`${dumpablePages} pages are to be dumped`, `at most ${max_mapnr}`);
  }
  const sub_hdr_size = Math.ceil((KDUMP_SUB_HEADER_BYTES + noteBytes) / pageSizeBytes);
  const bitmapBytes = Math.ceil(Math.ceil(max_mapnr / 8) / pageSizeBytes) * pageSizeBytes;
  const bitmap1Offset = (DISKDUMP_HEADER_BLOCKS + sub_hdr_size) * pageSizeBytes;
  const descriptorsOffset = bitmap1Offset + 2 * bitmapBytes;
  return {
    block_size: pageSizeBytes,
    sub_hdr_size,
    bitmap_blocks: (2 * bitmapBytes) / pageSizeBytes,
    offset_note: DISKDUMP_HEADER_BLOCKS * pageSizeBytes + KDUMP_SUB_HEADER_BYTES,
    bitmapBytes,
    bitmap1Offset,
    bitmap2Offset: bitmap1Offset + bitmapBytes,
    descriptorsOffset,
    dataOffset: descriptorsOffset + dumpablePages * PAGE_DESC_BYTES,
  };
}

function refuse(actual: string, wanted: string): DumpFormatError {
  return new DumpFormatError('DUMP_LAYOUT', { action: 'lay out the dump', actual, wanted });
}
