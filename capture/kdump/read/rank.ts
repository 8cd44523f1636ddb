/** Counts the set bits before a bit, which is the index of a page's descriptor. */
import type { Bitmap } from '../../filter/bitmap.ts';

/** One 4-byte count for this many bytes of bitmap. */
const BLOCK_BYTES = 512;

export class RankIndex {
  readonly #bitmap: Bitmap;
  readonly #before: Uint32Array;

  /** A sparse bitmap's chunks are in order, and what it lacks has no bits. */
  constructor(bitmap: Bitmap) {
    this.#bitmap = bitmap;
    const { bytes } = bitmap;
    this.#before = new Uint32Array(Math.ceil(bytes.length / BLOCK_BYTES));
    let count = 0;
    for (let block = 0; block < this.#before.length; block++) {
      this.#before[block] = count;
      count += countBits(bytes, block * BLOCK_BYTES, Math.min((block + 1) * BLOCK_BYTES, bytes.length));
    }
  }

  /** For a page of the bitmap. */
  of(pfn: number): number {
    const { bytes } = this.#bitmap;
    const bit = this.#bitmap.bitOf(pfn);
    const byte = Math.floor(bit / 8);
    const block = Math.floor(byte / BLOCK_BYTES);
    const below = bytes[byte] & ((1 << (bit & 7)) - 1);
    return this.#before[block] + countBits(bytes, block * BLOCK_BYTES, byte) + bitsOf(below);
  }
}

function countBits(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) count += bitsOf(bytes[i]);
  return count;
}

function bitsOf(byte: number): number {
  const pairs = byte - ((byte >>> 1) & 0x55);
  const nibbles = (pairs & 0x33) + ((pairs >>> 2) & 0x33);
  return (nibbles + (nibbles >>> 4)) & 0x0f;
}
