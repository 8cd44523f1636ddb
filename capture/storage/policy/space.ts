/** How much of a file system a dump may take: statfs(2), and what is to be left free. Pure but for `readSpace`. */
import { statfsSync } from 'node:fs';
import { amountBytes } from '../../options/amount.ts';

export interface FileSystemSpace {
  readonly totalBytes: number;
  /** With what is set aside for root (ext4: 5 % by default). */
  readonly freeBytes: number;
  /** Without it: what a user may have. */
  readonly availableBytes: number;
  /** Undefined where the file system makes them as it goes (btrfs, vfat). */
  readonly freeInodes: number | undefined;
}

/** What a dump may take, never negative. */
export interface Room {
  /** Of what any user may have. */
  readonly users: number;
  /** With what is set aside for root. */
  readonly root: number;
}

/** For what is written behind the dump: manifest.json, kexec-dmesg.log, and the directory's own blocks. */
export const EPILOGUE_BYTES = 1 << 20;
/** vmcore, manifest.json and kexec-dmesg.log: by then the directory and the kernel's log are there. */
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
 * @param space undefined for a target that cannot say (a partition without a file system).
 * @param mostFileBytes what the file system or an earlier attempt to write has shown to be the most.
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
