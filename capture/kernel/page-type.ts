/**
 * The encodings of page_type in struct page, which shares its word with _mapcount (include/linux/page-flags.h). The values
 * that vmcoreinfo exports, such as PAGE_BUDDY_MAPCOUNT_VALUE, show which encoding a kernel has.
 */

/** `(word & mask) === value`, in the signed 32-bit arithmetic of JS. */
export interface WordTest {
  readonly mask: number;
  readonly value: number;
}

/** Matches no word. */
export const NEVER: WordTest = { mask: 0, value: 1 };

/** The top byte: its high half is 0xf for all types, and no type is 0xff, which is an unmapped page's mapcount. */
const TYPE_BYTE = 0xff000000;
const LOWEST_TYPE_BYTE = 0xf0;
/** Until the low 16 bits were given to the owner, type bits were among them. */
const OWNERS_BITS = 0xffff;

/** The word of a page without a type is its mapcount minus 1, which may underflow a little. */
const UNDERFLOW = -128;

/**
 * The test for the type whose word is `exported` (a C int) while the owner does not use its part. NEVER for a value that
 * fits no encoding.
 */
export function decodeTypeTest(exported: number | undefined): WordTest {
  if (exported === undefined || exported >= 2 ** 32 || exported < -(2 ** 31)) return NEVER;
  const word = exported | 0;
  // Linux commit 4ffca5a96678 ("mm: support only one page_type per page"), v6.12: a number in the top byte; the rest
  // belongs to the owner.
  if ((word & ~TYPE_BYTE) === 0) {
    const type = word >>> 24;
    return type >= LOWEST_TYPE_BYTE && type < 0xff ? { mask: TYPE_BYTE | 0, value: word } : NEVER;
  }
  // Linux commit 6e292b9be7f4 ("mm: split page_type out from _mapcount"), v4.18: one bit per type, inverted, because a
  // page without a type has all bits set. The base bits distinguish it from a mapcount.
  const bit = ~word;
  if (bit <= 0 || (bit & (bit - 1)) !== 0) return NEVER;
  // Linux commit 8db00ad56461 ("mm: allow reuse of the lower 16 bit of the page type with an actual type"), v6.11, left
  // only the sign bit as the base.
  const base = bit > OWNERS_BITS ? 0x80000000 : 0xf0000000;
  return { mask: base | bit | 0, value: base | 0 };
}

/**
 * A page has some type when its word, as a C int, is below this (page_has_type() in the kernel). Pages of files and
 * processes have none. `test` is that of any type of this kernel; without one no page has a type.
 */
export function lowestMapcount({ mask, value }: WordTest): number {
  if (value >= 0) return -(2 ** 31);
  if (mask === (TYPE_BYTE | 0)) return TYPE_BYTE | 0;
  return (mask & ~value) >>> 0 > OWNERS_BITS ? ~OWNERS_BITS : UNDERFLOW;
}
