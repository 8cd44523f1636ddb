/**
 * Checks that every page of a kdump-compressed file is present and decompresses into a page. zstd's frame checksum and zlib's
 * Adler-32 detect a flipped bit; lzo, snappy and uncompressed pages have no checksum.
 */

import type { PageCodecs } from '../../codecs/codec.ts';
import { DUMP_LEVEL_ZERO } from '../../filter/dump-level.ts';
import { decodePageDescriptor, PAGE_DESC_BYTES } from '../format/descriptor.ts';
import { DUMP_DH_COMPRESSED_INCOMPLETE } from '../format/header.ts';
import { isStoredPage, type KdumpFile } from '../read/file.ts';
import type { Steps } from '../steps.ts';
import { StoredPages } from './stored-pages.ts';

const CHUNK_DESCRIPTORS = 1 << 10;
const PAGE_FLAGS_OFFSET = 16;

export interface PageCheck {
  readonly pages: number;
  /** Without a checksum: uncompressed, or compressed with a codec that has none. */
  readonly pagesUnprotected: number;
  /** Pages that an incomplete dump lacks. */
  readonly pagesMissing: number;
}

export interface PageCheckEvents {
  readonly onDamage: (region: 'descriptors' | 'data', text: string, pfn?: number) => void;
  readonly onProgress?: (pagesDone: number, pagesTotal: number) => void;
}

/**
 * @param codecs undefined to check only the descriptors, without pages that reading them will find to be damaged.
 * @throws SystemError when the file cannot be read, or a codec's library is not available.
 */
export function* checkPages(
  file: KdumpFile,
  codecs: PageCodecs | undefined,
  { onDamage, onProgress }: PageCheckEvents,
): Steps<PageCheck> {
  const { source, bitmap2, header, sub, max_mapnr, descriptorsOffset } = file;
  const isIncomplete = (header.status & DUMP_DH_COMPRESSED_INCOMPLETE) !== 0;
  const pages = new StoredPages(file, codecs);
  const pagesTotal = bitmap2.count();
  const dataOffset = descriptorsOffset + pagesTotal * PAGE_DESC_BYTES;
  const [startPfn, endPfn] =
    sub.split === 0 ? [0, max_mapnr] : [sub.start_pfn_64, Math.min(sub.end_pfn_64, max_mapnr)];
  const view = new DataView(new ArrayBuffer(CHUNK_DESCRIPTORS * PAGE_DESC_BYTES));
  // Writers put the shared zero page first, even if no page uses it.
  const zeroOffset = (sub.dump_level & DUMP_LEVEL_ZERO) !== 0 ? dataOffset : -1;
  let dataEnd = dataOffset;
  if (zeroOffset >= 0 && source.sizeBytes >= dataOffset + header.block_size) {
    dataEnd += header.block_size;
    if (!pages.isZero(zeroOffset)) onDamage('data', 'the shared zero page is not zero');
  }
  const counts = { pages: 0, pagesUnprotected: 0, pagesMissing: 0 };
  // A file of a split dump has the descriptors of its own pages, from the first on.
  let index = 0;
  try {
    for (let pfn = bitmap2.nextSet(startPfn, endPfn); pfn < endPfn; pfn = bitmap2.nextSet(pfn + 1, endPfn)) {
      const slot = index % CHUNK_DESCRIPTORS;
      if (slot === 0 || counts.pages === 0) {
        const bytes = new Uint8Array(view.buffer);
        bytes.fill(0, source.readAt(bytes, descriptorsOffset + (index - slot) * PAGE_DESC_BYTES));
        onProgress?.(counts.pages, pagesTotal);
        yield;
      }
      index++;
      counts.pages++;
      const at = slot * PAGE_DESC_BYTES;
      const page = decodePageDescriptor(view, at);
      if (view.getBigUint64(at + PAGE_FLAGS_OFFSET, true) !== 0n)
        onDamage('descriptors', 'its page_flags, which writers leave 0, are set', pfn);
      if (isIncomplete && page.offset === 0) {
        counts.pagesMissing++;
        continue;
      }
      const isRaw = page.flags === 0;
      if (page.offset === zeroOffset && isRaw && page.size === header.block_size) continue;
      if (!isStoredPage(file, page)) {
        if (codecs)
          onDamage('descriptors', `its ${page.size} bytes at ${page.offset} are not in the file`, pfn);
        continue;
      }
      if (page.offset !== dataEnd)
        onDamage('descriptors', `its data is at ${page.offset}, but data before it ends at ${dataEnd}`, pfn);
      dataEnd = Math.max(dataEnd, page.offset + page.size);
      const fault = pages.faultOf(page);
      if (fault !== undefined) onDamage('data', fault, pfn);
      if (!pages.hasChecksum(page)) counts.pagesUnprotected++;
    }
  } finally {
    pages.close();
  }
  if (sub.size_eraseinfo > 0) dataEnd = Math.max(dataEnd, sub.offset_eraseinfo + sub.size_eraseinfo);
  if (!isIncomplete && dataEnd !== source.sizeBytes)
    onDamage('data', `the file has ${source.sizeBytes} bytes, but its last page ends at ${dataEnd}`);
  onProgress?.(counts.pages, counts.pages);
  return counts;
}
