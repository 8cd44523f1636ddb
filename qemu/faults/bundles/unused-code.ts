/** A part of Node that the image lacks (build/node/unused-code.ts). With the whole Node it does no harm. */
import { brotliCompressSync } from 'node:zlib';

export function callUnusedCode(): void {
  brotliCompressSync('kdumpling');
}
