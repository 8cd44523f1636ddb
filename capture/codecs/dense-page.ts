/** Pages that hardly shrink, told by a glance at them. */

const WORD_BYTES = 4;
const STRETCH_BYTES = 64;
const WORDS_PER_STRETCH = STRETCH_BYTES / WORD_BYTES;
/** Odd, so that it is not the same field of every structure that is looked at. */
const STRIDE_WORDS = 7;

/**
 * Whether of the words that are looked at, one in each 64 bytes of the page, no larger share than `mostZeros` is zero: the
 * memory of a kernel has zeros everywhere but in text, code, and what is compressed or encrypted already.
 */
export function isDense(
  bytes: Uint8Array,
  offset: number,
  pageSizeBytes: number,
  mostZeros: number,
): boolean {
  const stretches = pageSizeBytes / STRETCH_BYTES;
  let zerosLeft = mostZeros * stretches;
  for (let i = 0; i < stretches; i++) {
    const at = offset + i * STRETCH_BYTES + ((i * STRIDE_WORDS) % WORDS_PER_STRETCH) * WORD_BYTES;
    if ((bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) === 0 && --zerosLeft < 0) return false;
  }
  return true;
}
