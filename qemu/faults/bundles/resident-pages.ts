/** Which pages of a file are in memory (mincore(2)): where each page is read on its own, those that were touched. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { openFfi, openLibrary } from '../../../capture/ffi/library.ts';

const PAGE_BYTES = 4096;
/** sys/mman.h */
const PROT_READ = 1;
const MAP_SHARED = 1;

/** @returns a byte for each page, 1 where it is in memory. @throws what Node's calls throw, and where mincore fails. */
export function residentPages(path: string): Uint8Array {
  const libc = openLibrary(openFfi(), ['libc.so.6']);
  const mmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)');
  const mincore = libc.func('int mincore(void *, size_t, void *)');
  const munmap = libc.func('int munmap(void *, size_t)');
  const fd = openSync(path, 'r');
  const { size } = fstatSync(fd);
  const pages = Buffer.alloc(Math.ceil(size / PAGE_BYTES));
  const mapped = mmap(null, size, PROT_READ, MAP_SHARED, fd, 0);
  const status = mincore(mapped, size, pages);
  munmap(mapped, size);
  closeSync(fd);
  if (status !== 0) throw new Error(`mincore: ${status}`);
  return pages.map(byte => byte & 1); // the other bits are reserved
}
