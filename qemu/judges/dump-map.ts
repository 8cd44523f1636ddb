/**
 * Which pages a kdump-compressed dump holds and where: its bitmaps and page descriptors. This reader follows makedumpfile's
 * IMPLEMENTATION file and shares no code with our writer, so that it does not repeat the writer's mistakes.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { DumpFormatError } from '../../capture/errors.ts';

const SIGNATURE = 'KDUMP   ';
/** struct kdump_sub_header, header version 6: max_mapnr_64. */
const MAX_MAPNR_64 = { offset: 96, sizeBytes: 8 };
/** struct disk_dump_header. */
const BLOCK_SIZE = 428;
const SUB_HDR_SIZE = 432;
const BITMAP_BLOCKS = 436;
/** struct page_desc: offset, size, flags, page_flags. */
const DESCRIPTOR_BYTES = 24;

export interface DumpMap {
  readonly maxMapnr: number;
  has(pfn: number): boolean;
  /** Whether the machine had this page, by the first bitmap. */
  exists(pfn: number): boolean;
  /** File offsets of the data of the pages that the dump has, ordered by pfn. */
  readonly dataOffsets: readonly number[];
}

/** @throws DumpFormatError for a file that is not a complete kdump-compressed dump, such as an ELF or a flattened one. */
export function readDumpMap(path: string): DumpMap {
  const fd = openSync(path, 'r');
  try {
    const read = (what: string, offset: number, sizeBytes: number): Buffer => {
      const bytes = Buffer.alloc(sizeBytes);
      const got = readSync(fd, bytes, 0, sizeBytes, offset);
      if (got === sizeBytes) return bytes;
      throw refused(path, `it ends in the ${what}`, 'a whole dump');
    };
    const header = read('header', 0, 464);
    const signature = header.toString('latin1', 0, 8);
    if (signature !== SIGNATURE)
      throw refused(path, `it begins with ${JSON.stringify(signature)}`, `${SIGNATURE}`);
    const blockSize = header.readInt32LE(BLOCK_SIZE);
    const subHeaderBlocks = header.readInt32LE(SUB_HDR_SIZE);
    const bitmapBytes = header.readUInt32LE(BITMAP_BLOCKS) * blockSize;
    const { offset, sizeBytes } = MAX_MAPNR_64;
    const maxMapnr = Number(read('sub header', blockSize + offset, sizeBytes).readBigUInt64LE());
    if (maxMapnr > (bitmapBytes / 2) * 8) {
      throw refused(
        path,
        `bitmaps of ${bitmapBytes} bytes for ${maxMapnr} pages`,
        'two bitmaps with a bit for each page',
      );
    }
    const bitmapsAt = (1 + subHeaderBlocks) * blockSize;
    const test = (bitmap: Buffer) => (pfn: number) =>
      pfn < maxMapnr && ((bitmap[pfn >>> 3]! >>> (pfn & 7)) & 1) === 1;
    const exists = test(read('first bitmap', bitmapsAt, bitmapBytes / 2));
    const has = test(read('second bitmap', bitmapsAt + bitmapBytes / 2, bitmapBytes / 2));
    let pages = 0;
    for (let pfn = 0; pfn < maxMapnr; pfn++) if (has(pfn)) pages++;
    const descriptors = read('page descriptors', bitmapsAt + bitmapBytes, pages * DESCRIPTOR_BYTES);
    const dataOffsets = Array.from({ length: pages }, (_, index) =>
      Number(descriptors.readBigInt64LE(index * DESCRIPTOR_BYTES)),
    );
    return { maxMapnr, has, exists, dataOffsets };
  } finally {
    closeSync(fd);
  }
}

function refused(path: string, actual: string, wanted: string): DumpFormatError {
  return new DumpFormatError('NOT_A_DUMP', { action: `judge the pages of ${path}`, actual, wanted });
}
