/** Blocks for a file before it is written: a promise that the file system keeps, unlike a length that is only said. */
import { fstatSync } from 'node:fs';
import type { DumpFile } from './place.ts';

/** errno: ENOSPC; ENOSYS, EOPNOTSUPP; ENODEV, for what is no regular file. */
const ENOSPC = 28;

/** `refused`: there is no such room. `unknown`: the file system makes no such promise, and why. */
export type Reservation = 'reserved' | 'refused' | { readonly unknown: string };

/** Of libc: returns errno. */
interface Fallocate {
  fallocate(fd: number, offset: number, lengthBytes: number): number;
}

export function reserve(
  libc: Fallocate | undefined,
  { fd, startOffset }: DumpFile,
  sizeBytes: number,
): Reservation {
  if (!fstatSync(fd).isFile()) return { unknown: 'a partition has all its blocks' };
  if (!libc) return { unknown: 'without the FFI there is no fallocate' };
  const errno = libc.fallocate(fd, startOffset, sizeBytes);
  if (errno === 0) return 'reserved';
  return errno === ENOSPC ? 'refused' : { unknown: `the file system refused fallocate with errno ${errno}` };
}
