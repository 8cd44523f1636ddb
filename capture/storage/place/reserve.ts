/** Allocates blocks for a file before it is written; unlike ftruncate, this guarantees the space. */
import { fstatSync } from 'node:fs';
import type { DumpFile } from './place.ts';

/** errno */
const ENOSPC = 28;

/** `refused`: there is not enough space. `unknown`: why the file system cannot guarantee it. */
export type Reservation = 'reserved' | 'refused' | { readonly unknown: string };

/** libc's call; it returns errno. */
interface Fallocate {
  fallocate(fd: number, offset: number, lengthBytes: number): number;
}

/** @param sizeBytes without the holes, which are sorted and get no blocks. */
export function reserve(
  libc: Fallocate | undefined,
  { fd, startOffset }: DumpFile,
  sizeBytes: number,
  holes: readonly { readonly start: number; readonly end: number }[] = [],
): Reservation {
  if (!fstatSync(fd).isFile()) return { unknown: 'a partition has all its blocks' };
  if (!libc) return { unknown: 'without the FFI there is no fallocate' };
  let left = sizeBytes;
  let at = 0;
  let errno = 0;
  // Up to each hole, and after the last one.
  for (const { start, end } of [...holes, { start: Number.POSITIVE_INFINITY, end: 0 }]) {
    const lengthBytes = Math.min(left, start - at);
    if (lengthBytes > 0 && errno === 0) errno = libc.fallocate(fd, startOffset + at, lengthBytes);
    left -= lengthBytes;
    at = end;
  }
  if (errno === 0) return 'reserved';
  return errno === ENOSPC ? 'refused' : { unknown: `the file system refused fallocate with errno ${errno}` };
}
