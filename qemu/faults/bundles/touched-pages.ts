/**
 * Not a fault: at the end of the capture, writes to the target which pages of Node are in memory, a byte for each (mincore(2)).
 * Where the runtime image has blocks of one page, these are the pages that were touched.
 */
import { fstatSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { openFfi, openLibrary } from '../../../capture/ffi/library.ts';
import { NODE_COMMAND } from '../../../capture/options/runtime.ts';
import { runAsInit } from '../../../capture/pid1.ts';

const FOLDER = '/target/var/lab';
const PAGE_BYTES = 4096;
/** sys/mman.h */
const PROT_READ = 1;
const MAP_SHARED = 1;

runAsInit({
  onPhase(phase) {
    if (phase !== 'unmount') return;
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(`${FOLDER}/node-pages`, residentPages(NODE_COMMAND[1]));
  },
});

function residentPages(path: string): Uint8Array {
  const libc = openLibrary(openFfi(), ['libc.so.6']);
  const mmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)');
  const mincore = libc.func('int mincore(void *, size_t, void *)');
  const fd = openSync(path, 'r');
  const { size } = fstatSync(fd);
  const pages = Buffer.alloc(Math.ceil(size / PAGE_BYTES));
  const status = mincore(mmap(null, size, PROT_READ, MAP_SHARED, fd, 0), size, pages);
  if (status !== 0) throw new Error(`mincore: ${status}`);
  return pages.map(byte => byte & 1); // the other bits are reserved
}
