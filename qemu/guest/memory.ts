/** Memory-related system calls for fill-memory.ts. */
import { SystemError } from '../../capture/errors.ts';
import { type Ffi, openLibrary } from '../../capture/ffi/library.ts';
import {
  MAP_ANONYMOUS,
  MAP_FAILED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from '../../capture/ffi/mman.ts';

export const PAGE_BYTES = 4096;

/** asm-generic/mman-common.h, linux/mman.h, linux/memfd.h (x86_64 and arm64 alike). */
const MAP_HUGETLB = 0x4_0000;
const MFD_HUGETLB = 4;
const ADVICE = {
  DONTNEED: 4,
  MERGEABLE: 12,
  HUGEPAGE: 14,
  PAGEOUT: 21,
  HWPOISON: 100,
  SOFT_OFFLINE: 101,
} as const;

export interface Mapping {
  readonly address: bigint;
  readonly view: Uint8Array;
}

export interface MapRequest {
  readonly sizeBytes: number;
  readonly alignBytes?: number;
  /** Default: anonymous memory. */
  readonly fd?: number;
  readonly shared?: boolean;
  readonly readOnly?: boolean;
  readonly hugetlb?: boolean;
  readonly reserveOnly?: boolean;
}

/** Nothing is freed: the kernel panics with it. Each call throws SystemError SYSCALL_FAILED with errno. */
export interface Memory {
  map(request: MapRequest): Mapping;
  advise(address: bigint, sizeBytes: number, advice: keyof typeof ADVICE): void;
  lock(address: bigint, sizeBytes: number): void;
  createMemoryFile(name: string, sizeBytes: number, hugetlb: boolean): number;
  openPipe(): { readonly read: number; readonly write: number };
}

export function openMemory(ffi: Ffi): Memory {
  const lib = openLibrary(ffi, ['libc.so.6']);
  const mmap = lib.func('void *mmap(void *, size_t, int, int, int, int64_t)');
  const madvise = lib.func('int madvise(void *, size_t, int)');
  const mlock = lib.func('int mlock(void *, size_t)');
  const memfdCreate = lib.func('int memfd_create(const char *, unsigned int)');
  const ftruncate = lib.func('int ftruncate(int, int64_t)');
  const pipe = lib.func('int pipe(void *)');

  const check = (result: number, action: string): number => {
    if (result >= 0) return result;
    const errno = ffi.errno();
    throw new SystemError('SYSCALL_FAILED', { action, actual: `errno ${errno}` }, { errno });
  };
  return {
    map({ sizeBytes, alignBytes = PAGE_BYTES, fd, shared, readOnly, hugetlb, reserveOnly }) {
      const protection = readOnly ? PROT_READ : PROT_READ | PROT_WRITE;
      const flags =
        (shared ? MAP_SHARED : MAP_PRIVATE) |
        (fd === undefined ? MAP_ANONYMOUS : 0) |
        (hugetlb && fd === undefined ? MAP_HUGETLB : 0) |
        (reserveOnly ? MAP_NORESERVE : 0);
      const spareBytes = alignBytes > PAGE_BYTES ? alignBytes : 0;
      const at: bigint = mmap(null, sizeBytes + spareBytes, protection, flags, fd ?? -1, 0);
      if (at === MAP_FAILED) check(-1, `map ${sizeBytes} bytes`);
      const align = BigInt(alignBytes);
      const address = ((at + align - 1n) / align) * align;
      return { address, view: new Uint8Array(ffi.view(address, sizeBytes)) };
    },
    advise(address, sizeBytes, advice) {
      check(madvise(address, sizeBytes, ADVICE[advice]), `madvise ${advice}`);
    },
    lock(address, sizeBytes) {
      check(mlock(address, sizeBytes), 'lock memory');
    },
    createMemoryFile(name, sizeBytes, hugetlb) {
      const fd = check(memfdCreate(name, hugetlb ? MFD_HUGETLB : 0), `create the memory file ${name}`);
      check(ftruncate(fd, sizeBytes), `size the memory file ${name}`);
      return fd;
    },
    openPipe() {
      const fds = Buffer.alloc(PAGE_BYTES);
      check(pipe(fds), 'open a pipe');
      return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
    },
  };
}
