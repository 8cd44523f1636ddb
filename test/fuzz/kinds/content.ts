/** The pages of a dump by a reader that shares no code with ours, and what a verdict may leave unseen. */
import type { Decompressor } from '../../../capture/codecs/codec.ts';
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { type KdumpFile, openKdump } from '../../support/kdump-reader.ts';
import { demand } from '../kind.ts';

/** Node has no decompressor for these, so ours is used. */
const [LZO, SNAPPY] = [0x2, 0x4];
const [ZLIB, ZSTD] = [0x1, 0x20];
const MOST_PAGES = 1 << 20;

export function readerOf(bytes: Buffer): KdumpFile {
  return openKdump(bytes, { [LZO]: decompressBy(LZO), [SNAPPY]: decompressBy(SNAPPY) });
}

export interface Page {
  /** `excluded` from the dump, or `missing` from an incomplete one. */
  readonly bytes: Buffer | 'excluded' | 'missing';
  /** Whether a flipped bit in its stored bytes shows when it is decompressed. */
  readonly hasChecksum: boolean;
}

export function pagesOf(bytes: Buffer): Page[] {
  const kdump = readerOf(bytes);
  const count = kdump.header.maxMapnr64;
  demand(count <= MOST_PAGES, `a whole dump of ${count} pages`);
  return Array.from({ length: count }, (_, pfn) => {
    if (!kdump.isDumpable(pfn)) return { bytes: 'excluded', hasChecksum: true };
    const { flags } = kdump.descriptor(pfn);
    return { bytes: kdump.readPage(pfn), hasChecksum: flags === ZLIB || flags === ZSTD };
  });
}

/** How many pages of a dump have no checksum; zeros are compared with the one zero page. */
export function unprotectedPages(bytes: Buffer): number {
  return pagesOf(bytes).filter(
    page => typeof page.bytes !== 'string' && !page.hasChecksum && page.bytes.some(byte => byte !== 0),
  ).length;
}

/**
 * The first page that was changed by damage which a checksum or a structure shows.
 * @returns undefined when there is none; then `unprotected` is whether pages without a checksum differ.
 */
export function missedDamage(
  base: readonly Page[],
  bytes: Buffer,
): { readonly text?: string; readonly unprotected: boolean } {
  let mutant: Page[];
  try {
    mutant = pagesOf(bytes);
  } catch (error) {
    return { text: `another reader refuses it: ${(error as Error).message}`, unprotected: false };
  }
  let unprotected = false;
  for (let pfn = 0; pfn < Math.max(base.length, mutant.length); pfn++) {
    const [was, is] = [base[pfn] ?? EXCLUDED, mutant[pfn] ?? EXCLUDED];
    if (typeof was.bytes === 'string' || typeof is.bytes === 'string') {
      if (was.bytes !== is.bytes)
        return { text: `page ${pfn} is ${nameOf(is)} and was ${nameOf(was)}`, unprotected };
    } else if (!was.bytes.equals(is.bytes)) {
      if (was.hasChecksum && is.hasChecksum) return { text: `page ${pfn} has other bytes`, unprotected };
      unprotected = true;
    }
  }
  return { unprotected };
}

const EXCLUDED: Page = { bytes: 'excluded', hasChecksum: true };

function nameOf({ bytes }: Page): string {
  return typeof bytes === 'string' ? bytes : 'there';
}

function decompressBy(flags: number): (compressed: Uint8Array) => Uint8Array {
  return compressed => {
    let decompressor = decompressors.get(flags);
    if (!decompressor) {
      decompressor = codecs.open(flags, PAGE);
      decompressors.set(flags, decompressor);
    }
    // Larger than what V8 may move: the library is given addresses.
    const source = Buffer.alloc(Math.max(PAGE, compressed.length));
    source.set(compressed);
    const page = Buffer.alloc(PAGE);
    if (decompressor.decompress(source, 0, compressed.length, page, 0)) return page;
    throw new Error(`${compressed.length} bytes of codec ${flags} are no page`);
  };
}

/** For the pages of our dumps; a mutant with another page size is not whole. */
const PAGE = 4096;
const codecs = openPageCodecs(openFfi());
const decompressors = new Map<number, Decompressor>();
