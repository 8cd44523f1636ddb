/**
 * Memory backed by a file or a partition: the kernel can write it back and reclaim it, which without swap it cannot do with
 * anonymous memory. For the bitmaps of a crashed machine that is too large for the machine that makes the dump.
 */
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import type { Libc, SharedMapping } from './libc.ts';

/** What all bitmaps of a dump take of anonymous memory together: one of a machine of 1 TiB with its holes. */
export const BITMAP_BUDGET_BYTES = 33 << 20;
/** Of the available memory, in anonymous memory past the budget. The kernel ends a program that takes all of it. */
const MOST_SHARE = 0.5;
const CHUNK_BYTES = 1 << 20;

/** Where bitmaps past the budget are. @throws what Node's calls throw, and SystemError, when it has no room. */
export type BitmapStore = (libc: Libc, sizeBytes: number) => SharedMapping;

/** In unlinked files. */
export function storeInDirectory(directory: string): BitmapStore {
  return (libc, sizeBytes) => {
    const path = join(directory, `.kdumpling-bitmap-${process.pid}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      unlinkSync(path);
      writeZeros(fd, 0, sizeBytes);
      return libc.mapShared(fd, sizeBytes);
    } finally {
      closeSync(fd);
    }
  };
}

/**
 * In room of a partition without a file system.
 * @param lend returns the partition and where in it the room is, at an offset of a page.
 */
export function storeInRoom(
  lend: (sizeBytes: number) => { readonly fd: number; readonly offset: number; giveBack(): void },
): BitmapStore {
  return (libc, sizeBytes) => {
    const { fd, offset, giveBack } = lend(sizeBytes);
    try {
      writeZeros(fd, offset, sizeBytes);
      const { bytes, release } = libc.mapShared(fd, sizeBytes, offset);
      return {
        bytes,
        release() {
          release();
          giveBack();
        },
      };
    } catch (error) {
      giveBack();
      throw error;
    }
  };
}

/** So that all blocks are there: a page fault in a mapping on a full disk kills the program (SIGBUS). */
function writeZeros(fd: number, offset: number, sizeBytes: number): void {
  const zeros = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; at < sizeBytes; )
    at += writeSync(fd, zeros, 0, Math.min(CHUNK_BYTES, sizeBytes - at), offset + at);
}

export interface BitmapMemory {
  /** @throws RangeError for more than there is memory for. */
  readonly allocate: (sizeBytes: number) => Uint8Array;
  /** Unmaps all files, before the directory is unmounted; the bytes then read as zeros. */
  release(): void;
}

/**
 * Anonymous memory until the budget is spent, and from then on memory in the store if it has room. A dump with a size limit
 * has three bitmaps of the machine.
 * @param store undefined if there is none.
 * @param availableBytes how much memory there is.
 */
export function openBitmapMemory(
  libc: Libc | undefined,
  store: BitmapStore | undefined,
  onDegraded: (cause: unknown) => void,
  availableBytes: () => number = freemem,
): BitmapMemory {
  const mappings: SharedMapping[] = [];
  let anonymousBytes = 0;
  const isWithinBudget = (sizeBytes: number) => anonymousBytes + sizeBytes <= BITMAP_BUDGET_BYTES;
  const allocateAnonymous = (sizeBytes: number): Uint8Array => {
    if (!isWithinBudget(sizeBytes) && sizeBytes > MOST_SHARE * availableBytes())
      throw new RangeError(`a bitmap of ${sizeBytes} bytes does not fit into memory`);
    const bytes = new Uint8Array(sizeBytes);
    anonymousBytes += sizeBytes;
    return bytes;
  };
  return {
    allocate(sizeBytes) {
      if (!libc || !store || isWithinBudget(sizeBytes)) return allocateAnonymous(sizeBytes);
      try {
        const mapping = store(libc, sizeBytes);
        mappings.push(mapping);
        return mapping.bytes;
      } catch (error) {
        onDegraded(error);
        return allocateAnonymous(sizeBytes);
      }
    },
    release() {
      for (const mapping of mappings.splice(0).reverse()) {
        try {
          mapping.release();
        } catch (error) {
          onDegraded(error);
        }
      }
    },
  };
}
