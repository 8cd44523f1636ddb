/** `page_desc_t`: where a page's data is and how it is stored (makedumpfile: diskdump_mod.h). */

export const PAGE_DESC_BYTES = 24;

const TWO_TO_32 = 0x1_0000_0000;

/**
 * Writes a descriptor at `at` in `words`, the descriptor buffer as 32-bit words of a little-endian machine. Called
 * once for each page, so it avoids BigInt and DataView.
 */
export function encodePageDescriptor(
  words: Uint32Array,
  at: number,
  offset: number,
  size: number,
  flags: number,
): void {
  words[at] = offset % TWO_TO_32;
  words[at + 1] = Math.floor(offset / TWO_TO_32);
  words[at + 2] = size;
  words[at + 3] = flags;
  words[at + 4] = 0; // page_flags, which no writer fills
  words[at + 5] = 0;
}

export const PAGE_DESC_WORDS = PAGE_DESC_BYTES / Uint32Array.BYTES_PER_ELEMENT;

export interface PageDescriptor {
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
}

/** Reads the descriptor at byte `at` of `view`. */
export function decodePageDescriptor(view: DataView, at: number): PageDescriptor {
  return {
    offset: view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_TO_32,
    size: view.getUint32(at + 8, true),
    flags: view.getUint32(at + 12, true),
  };
}
