/** How much of a file system a dump may take, by statfs(2) and the space to keep free. Pure except for `readSpace`. */
import { statfsSync } from 'node:fs';
import { amountBytes } from '../../options/amount.ts';

export interface FileSystemSpace {
  readonly totalBytes: number;
  /** Including the space reserved for root (ext4: 5 % by default). */
  readonly freeBytes: number;
  /** Without the space reserved for root. */
  readonly availableBytes: number;
  /** Undefined on file systems that allocate inodes on demand (btrfs, vfat). */
  readonly freeInodes: number | undefined;
}

/** The space that a dump may take, never negative. */
export interface Room {
  /** Without the space reserved for root. */
  readonly users: number;
  /** Including the space reserved for root. */
  readonly root: number;
}

/** For the files written after the dump, manifest.json and kexec-dmesg.log, and for the directory's own blocks. */
export const EPILOGUE_BYTES = 1 << 20;
/** For vmcore, manifest.json and kexec-dmesg.log. The directory and the kernel's log exist by then. */
export const INODES_WANTED = 3;

export function readSpace(path: string): FileSystemSpace {
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path);
  return {
    totalBytes: blocks * bsize,
    freeBytes: bfree * bsize,
    availableBytes: bavail * bsize,
    freeInodes: files > 0 ? ffree : undefined,
  };
}

/**
 * @param space undefined for a partition without a file system.
 * @param mostFileBytes the largest file, by the file system's limit or by an earlier write that failed.
 */
export function roomIn(
  space: FileSystemSpace | undefined,
  keepFree: string,
  mostFileBytes = Number.POSITIVE_INFINITY,
): Room {
  if (!space) return { users: mostFileBytes, root: mostFileBytes };
  const kept = amountBytes(keepFree, space.totalBytes) + EPILOGUE_BYTES;
  const less = (bytes: number) => Math.max(0, Math.min(bytes - kept, mostFileBytes));
  return { users: less(space.availableBytes), root: less(space.freeBytes) };
}
