/** Reads a bitmap of a dump. One of terabytes of memory with holes is read without memory for the holes. */
import { Bitmap, CHUNK_BYTES } from '../../filter/bitmap.ts';
import { readUpTo } from '../../vmcore/elf.ts';
import type { ByteSource } from '../../vmcore/source.ts';

/** Up to here it is not worth to look for holes: 2 TiB of memory in pages of 4 KiB. */
const WHOLE_BYTES = 64 << 20;

/** @param lengthBytes hold at least `sizeBits` bits. Bits past the last page are cleared: they would be counted as pages. */
export function readBitmap(
  source: ByteSource,
  offset: number,
  lengthBytes: number,
  sizeBits: number,
): Bitmap {
  const bitmap =
    lengthBytes <= WHOLE_BYTES
      ? new Bitmap(readUpTo(source, offset, lengthBytes), sizeBits)
      : readSparse(source, offset, lengthBytes, sizeBits);
  clearPadding(bitmap);
  return bitmap;
}

function readSparse(source: ByteSource, offset: number, lengthBytes: number, sizeBits: number): Bitmap {
  const buffer = new Uint8Array(CHUNK_BYTES);
  const zeros = new Uint8Array(CHUNK_BYTES);
  const chunks: number[] = [];
  const usedBytes = Math.min(lengthBytes, Math.ceil(sizeBits / 8));
  for (let chunk = 0; chunk * CHUNK_BYTES < usedBytes; chunk++) {
    const held = source.readAt(buffer, offset + chunk * CHUNK_BYTES);
    if (Buffer.compare(buffer.subarray(0, held), zeros.subarray(0, held)) !== 0) chunks.push(chunk);
  }
  const bytes = new Uint8Array(chunks.length * CHUNK_BYTES);
  chunks.forEach((chunk, slot) => {
    const at = chunk * CHUNK_BYTES;
    const length = Math.min(CHUNK_BYTES, lengthBytes - at);
    source.readAt(bytes.subarray(slot * CHUNK_BYTES, slot * CHUNK_BYTES + length), offset + at);
  });
  return new Bitmap(bytes, sizeBits, Uint32Array.from(chunks));
}

function clearPadding({ bytes, sizeBits, chunks }: Bitmap): void {
  const lastChunk = Math.floor((sizeBits - 1) / 8 / CHUNK_BYTES);
  if (chunks && chunks.at(-1) !== lastChunk) return;
  const end = chunks ? sizeBits + (chunks.length - 1 - lastChunk) * CHUNK_BYTES * 8 : sizeBits;
  bytes.fill(0, Math.ceil(end / 8));
  if (end % 8 !== 0) bytes[Math.floor(end / 8)] &= (1 << (end % 8)) - 1;
}
