/**
 * Memory that lies in a file: the kernel can write it out and take the room, which it cannot do with a program's own memory
 * where there is no swap. For the bitmap of a crashed machine that is too large for the machine that makes the dump.
 */
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Libc, SharedMapping } from './libc.ts';

/** What a bitmap may take of the program's own memory: as much as a machine of 1 TiB with its holes needs. */
export const BITMAP_BUDGET_BYTES = 33 << 20;
const CHUNK_BYTES = 1 << 20;

/**
 * Zeros; the file has no name and goes when it is let go. All of its blocks are written first: a mapping that finds the
 * disk full kills the program. @throws what Node's calls throw, and SystemError.
 */
export function allocateInFile(libc: Libc, directory: string, sizeBytes: number): SharedMapping {
  const path = join(directory, `.kdumpling-bitmap-${process.pid}`);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    unlinkSync(path);
    const zeros = new Uint8Array(CHUNK_BYTES);
    for (let at = 0; at < sizeBytes; )
      at += writeSync(fd, zeros, 0, Math.min(CHUNK_BYTES, sizeBytes - at), at);
    return libc.mapShared(fd, sizeBytes);
  } finally {
    closeSync(fd);
  }
}

export interface BitmapMemory {
  readonly allocate: (sizeBytes: number) => Uint8Array;
  /** Lets go of all that was allocated in files; its bytes are zeros from then on. Before the directory is unmounted. */
  release(): void;
}

/**
 * Memory of the program's own up to the budget, and beyond in a file, where that can be had.
 * @param directory undefined where there is none to put files in.
 */
export function openBitmapMemory(
  libc: Libc | undefined,
  directory: string | undefined,
  onDegraded: (cause: unknown) => void,
): BitmapMemory {
  const mappings: SharedMapping[] = [];
  return {
    allocate(sizeBytes) {
      if (!libc || directory === undefined || sizeBytes <= BITMAP_BUDGET_BYTES)
        return new Uint8Array(sizeBytes);
      try {
        const mapping = allocateInFile(libc, directory, sizeBytes);
        mappings.push(mapping);
        return mapping.bytes;
      } catch (error) {
        onDegraded(error);
        return new Uint8Array(sizeBytes);
      }
    },
    release() {
      for (const mapping of mappings.splice(0)) {
        try {
          mapping.release();
        } catch (error) {
          onDegraded(error);
        }
      }
    },
  };
}
