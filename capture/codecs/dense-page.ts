/** Recognises pages that hardly compress, by a quick scan of them. */

const WORD_BYTES = 4;
const STRETCH_BYTES = 64;
const WORDS_PER_STRETCH = STRETCH_BYTES / WORD_BYTES;
/** Odd, so that the scan does not hit the same field of every structure in an array. */
const STRIDE_WORDS = 7;

/**
 * Scans one word in each 64 bytes of the page. Returns whether at most the share `mostZeros` of these words is zero:
 * kernel memory has zeros everywhere except in text, code, and data that is already compressed or encrypted.
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
