/** The bit of a zstd frame that its readers ignore and its checksum does not cover (RFC 8878, 3.1.1.1.1.3). */

/** The frame header descriptor follows the magic number. */
const DESCRIPTOR_OFFSET = 4;
const UNUSED_BIT = 0x10;

export function unusedBitDamage(
  source: Uint8Array,
  sourceOffset: number,
  sizeBytes: number,
): string | undefined {
  if (sizeBytes <= DESCRIPTOR_OFFSET) return undefined;
  const isSet = (source[sourceOffset + DESCRIPTOR_OFFSET] & UNUSED_BIT) !== 0;
  return isSet ? 'the unused bit of its zstd frame is set' : undefined;
}
