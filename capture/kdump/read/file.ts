/**
 * Reads a kdump-compressed file: headers, second bitmap, descriptors. Header versions 3 to 6; fields that a version lacks
 * read as 0 (makedumpfile: IMPLEMENTATION, diskdump_mod.h). Every field is checked before it is used.
 */
import { DumpFormatError } from '../../errors.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import { readUpTo } from '../../vmcore/elf.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import { decodePageDescriptor, PAGE_DESC_BYTES, type PageDescriptor } from '../format/descriptor.ts';
import {
  DISK_DUMP_HEADER_BYTES,
  DISKDUMP_HEADER_BLOCKS,
  type DiskDumpHeader,
  decodeDiskDumpHeader,
  decodeKdumpSubHeader,
  KDUMP_SIGNATURE,
  KDUMP_SUB_HEADER_BYTES,
  type KdumpSubHeader,
} from '../format/header.ts';
import { readBitmap } from './bitmap.ts';

/** The end of `kdump_sub_header`, by header version. */
const SUB_HEADER_ENDS: readonly (readonly [number, number])[] = [
  [3, 48],
  [4, 64],
  [5, 80],
  [6, KDUMP_SUB_HEADER_BYTES],
];
const START_PFN_OFFSET = 16;

export interface KdumpFile {
  readonly source: ByteSource;
  readonly header: DiskDumpHeader;
  readonly sub: KdumpSubHeader;
  readonly max_mapnr: number;
  readonly bitmap1Offset: number;
  readonly bitmapBytes: number;
  readonly bitmap2: Bitmap;
  readonly descriptorsOffset: number;
}

export function isKdumpFile(bytes: Uint8Array): boolean {
  const { length } = KDUMP_SIGNATURE;
  return Buffer.from(bytes.subarray(0, length)).toString('latin1') === KDUMP_SIGNATURE;
}

/** @throws DumpFormatError for a file of another format, or one with cut bitmaps. */
export function openKdumpFile(source: ByteSource): KdumpFile {
  const header = decodeDiskDumpHeader(readUpTo(source, 0, DISK_DUMP_HEADER_BYTES));
  const { block_size, header_version, sub_hdr_size, bitmap_blocks } = header;
  const sub = readSubHeader(source, header);
  const max_mapnr = header_version >= 6 ? sub.max_mapnr_64 : header.max_mapnr;
  const bitmap1Offset = (DISKDUMP_HEADER_BLOCKS + sub_hdr_size) * block_size;
  const bitmapBytes = (bitmap_blocks * block_size) / 2;
  const descriptorsOffset = bitmap1Offset + 2 * bitmapBytes;
  const refuse = (actual: string, wanted: string) =>
    new DumpFormatError('DUMP_BITMAP', { action: `read the bitmaps of ${source.name}`, actual, wanted });
  if (!(max_mapnr <= bitmapBytes * 8))
    throw refuse(`they have ${bitmapBytes} bytes each`, `a bit for each of ${max_mapnr} pages`);
  if (descriptorsOffset > source.sizeBytes) {
    throw refuse(`the file ends at byte ${source.sizeBytes}`, `bitmaps up to byte ${descriptorsOffset}`);
  }
  const bitmap2 = readBitmap(source, bitmap1Offset + bitmapBytes, bitmapBytes, max_mapnr);
  return { source, header, sub, max_mapnr, bitmap1Offset, bitmapBytes, bitmap2, descriptorsOffset };
}

/** What finding a page's data takes of a dump. */
export interface PagePlaces extends Pick<KdumpFile, 'source' | 'descriptorsOffset'> {
  readonly header: Pick<DiskDumpHeader, 'block_size'>;
}

/**
 * Reads descriptors by their number. Those past the end of the file are zeros, which means "missing" in an incomplete
 * dump.
 */
export class DescriptorReader {
  readonly #file: PagePlaces;
  readonly #chunk = new Uint8Array(PAGE_DESC_BYTES << 10);
  readonly #view = new DataView(this.#chunk.buffer);
  #first = -1;

  constructor(file: PagePlaces) {
    this.#file = file;
  }

  at(index: number): PageDescriptor {
    const perChunk = this.#chunk.length / PAGE_DESC_BYTES;
    const first = index - (index % perChunk);
    if (first !== this.#first) {
      const { source, descriptorsOffset } = this.#file;
      this.#first = -1;
      const got = source.readAt(this.#chunk, descriptorsOffset + first * PAGE_DESC_BYTES);
      this.#chunk.fill(0, got);
      this.#first = first;
    }
    return decodePageDescriptor(this.#view, (index - first) * PAGE_DESC_BYTES);
  }
}

/** Whether the descriptor's data is within the file and of a possible size. */
export function isStoredPage(
  { source, header, descriptorsOffset }: PagePlaces,
  page: PageDescriptor,
): boolean {
  const { offset, size } = page;
  return (
    offset >= descriptorsOffset && size > 0 && size <= header.block_size && offset + size <= source.sizeBytes
  );
}

function readSubHeader(source: ByteSource, { header_version, block_size }: DiskDumpHeader): KdumpSubHeader {
  const bytes = readUpTo(source, DISKDUMP_HEADER_BLOCKS * block_size, KDUMP_SUB_HEADER_BYTES);
  const end = SUB_HEADER_ENDS.find(([version]) => version >= header_version)?.[1] ?? 0;
  if (header_version < 3) bytes.fill(0, START_PFN_OFFSET);
  else bytes.fill(0, end);
  const sub = decodeKdumpSubHeader(bytes);
  if (header_version >= 6 || header_version < 2) return sub;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const long = (offset: number) => Number(view.getBigUint64(offset, true));
  return { ...sub, start_pfn_64: long(START_PFN_OFFSET), end_pfn_64: long(START_PFN_OFFSET + 8) };
}
