/**
 * Keeps the program's own code in memory. Without that, a kernel that is out of memory drops the pages of Node and its
 * libraries and reads them back from the image again and again, which is neither progress nor an out-of-memory panic.
 *
 * Only mapped files: V8 gives parts of its anonymous memory back by madvise(2), which a locked mapping refuses, and there
 * is no swap that could take them.
 */
import type { Libc } from '../ffi/libc.ts';

/** @param maps the text of /proc/self/maps. @throws SystemError when a mapping cannot be locked. */
export function lockOwnPages(maps: string, libc: Pick<Libc, 'lockOnFault'>): void {
  for (const { start, end } of mappedFiles(maps)) libc.lockOnFault(start, end - start);
}

/** Lines `start-end perms offset dev inode path` (proc_pid_maps(5)) whose path is a file's. */
export function mappedFiles(maps: string): { start: bigint; end: bigint }[] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+ +\/(?!dev\/)/gm)].map(
    ([, start, end]) => ({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }),
  );
}
