/**
 * A file sink that leaves holes for zeros. The bitmaps of a machine with memory at high addresses are almost all zeros: 9 pages
 * with the highest at 15 TiB need 961 MiB of them.
 */
import { fstatSync, ftruncateSync } from 'node:fs';
import type { DumpSink } from '../../../capture/kdump/sink.ts';

/** A block of most file systems. Holes are made of whole blocks. */
const BLOCK_BYTES = 4096;
/** Shorter runs of zeros between other data are written: each hole costs another write. */
const LEAST_HOLE_BYTES = 64 << 10;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

export interface SparseSink extends DumpSink {
  /** Gives the file its length, in case it ends with a hole. */
  finish(): void;
}

/** @param fd of the file behind `sink`: a regular one that is empty, or holes would show its old content. */
export function openSparseSink(sink: DumpSink, fd: number): SparseSink {
  // Zeros are only left out past everything written so far, where there is nothing that they could overwrite.
  let writtenEnd = 0;
  let end = 0;
  const write = (bytes: Uint8Array, offset: number): void => {
    sink.writeAt(bytes, offset);
    writtenEnd = Math.max(writtenEnd, offset + bytes.length);
  };
  return {
    allowsHoles: true,
    writeAt(bytes, offset) {
      end = Math.max(end, offset + bytes.length);
      if (offset < writtenEnd) return write(bytes, offset);
      let from = 0;
      for (const [start, holeEnd] of zeroRuns(bytes, offset)) {
        // One at an edge may continue in the next write.
        const isEdge = start === from || holeEnd > bytes.length - BLOCK_BYTES;
        if (holeEnd - start < LEAST_HOLE_BYTES && !isEdge) continue;
        if (from < start) write(bytes.subarray(from, start), offset + from);
        from = holeEnd;
      }
      if (from < bytes.length) write(bytes.subarray(from), offset + from);
    },
    sync: () => sink.sync(),
    finish() {
      if (fstatSync(fd).size < end) ftruncateSync(fd, end);
    },
  };
}

/** Runs of blocks of the file that are zero, as half-open ranges of `bytes`, which are to be written at `offset`. */
function* zeroRuns(bytes: Uint8Array, offset: number): Generator<readonly [number, number]> {
  let at = Math.ceil(offset / BLOCK_BYTES) * BLOCK_BYTES - offset;
  while (at + BLOCK_BYTES <= bytes.length) {
    const start = at;
    while (at + BLOCK_BYTES <= bytes.length && isZeroBlock(bytes, at)) at += BLOCK_BYTES;
    if (at > start) yield [start, at];
    else at += BLOCK_BYTES;
  }
}

function isZeroBlock(bytes: Uint8Array, at: number): boolean {
  // Most blocks that are not zero show it in their first byte or their middle.
  if (bytes[at] !== 0 || bytes[at + BLOCK_BYTES / 2] !== 0) return false;
  return ZEROS.compare(bytes, at, at + BLOCK_BYTES) === 0;
}
