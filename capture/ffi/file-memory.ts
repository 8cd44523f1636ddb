/**
 * Memory backed by a file: the kernel can write it back and reclaim it, which without swap it cannot do with anonymous
 * memory. For the bitmap of a crashed machine that is too large for the machine that makes the dump.
 */
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Libc, SharedMapping } from './libc.ts';

/** What all bitmaps of a dump take of anonymous memory together: one of a machine of 1 TiB with its holes. */
export const BITMAP_BUDGET_BYTES = 33 << 20;
const CHUNK_BYTES = 1 << 20;

/**
 * Zeroed memory in an unlinked file. All of its blocks are written first, because a page fault in a mapping on a full disk
 * kills the program (SIGBUS). @throws what Node's calls throw, and SystemError.
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
  /** Unmaps all files, before the directory is unmounted; the bytes then read as zeros. */
  release(): void;
}

/**
 * Anonymous memory until the budget is spent, and from then on memory in a file if that can be created. A dump with a size
 * limit has three bitmaps of the machine.
 * @param directory for the files; undefined if there is none.
 */
export function openBitmapMemory(
  libc: Libc | undefined,
  directory: string | undefined,
  onDegraded: (cause: unknown) => void,
): BitmapMemory {
  const mappings: SharedMapping[] = [];
  let anonymousBytes = 0;
  const allocateAnonymous = (sizeBytes: number): Uint8Array => {
    const bytes = new Uint8Array(sizeBytes);
    anonymousBytes += sizeBytes;
    return bytes;
  };
  return {
    allocate(sizeBytes) {
      const isWithinBudget = anonymousBytes + sizeBytes <= BITMAP_BUDGET_BYTES;
      if (!libc || directory === undefined || isWithinBudget) return allocateAnonymous(sizeBytes);
      try {
        const mapping = allocateInFile(libc, directory, sizeBytes);
        mappings.push(mapping);
        return mapping.bytes;
      } catch (error) {
        onDegraded(error);
        return allocateAnonymous(sizeBytes);
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
