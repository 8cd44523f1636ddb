/** System calls without a Node API, through libc. Numbers from Linux uapi headers (the same on x86_64 and arm64). */
import { constants } from 'node:fs';
import { SystemError } from '../errors.ts';
import { type Ffi, openLibrary } from './library.ts';
import {
  MAP_ANONYMOUS,
  MAP_FAILED,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from './mman.ts';

/** linux/mount.h */
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_REMOUNT = 32;
export const MS_DIRSYNC = 128;
/** linux/reboot.h, as reboot(3) takes them */
export const RB_AUTOBOOT = 0x0123_4567;
export const RB_HALT_SYSTEM = 0xcdef_0123;
export const RB_POWER_OFF = 0x4321_fedc;

/** asm/unistd_64.h, asm-generic/unistd.h */
const SYS_finit_module: Readonly<Record<string, number>> = { x64: 313, arm64: 273 };
/** linux/fadvise.h */
const POSIX_FADV_DONTNEED = 4;
/** linux/fs.h: SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE, _WAIT_AFTER are 1, 2, 4. */
const SYNC_FILE_RANGE_WRITE = 2;
const SYNC_FILE_RANGE_WRITE_AND_WAIT = 7;
/** linux/fs.h */
const SEEK_DATA = 3;

/** posix_spawn_file_actions_t has 80 on x86-64 and on arm64 (glibc’s spawn.h). */
const FILE_ACTIONS_BYTES = 256;
/** asm-generic/resource.h */
const RLIMIT_DATA = 2;

/** A fixed address range that shows one part of a file at a time: one mapping and one ArrayBuffer for its lifetime. */
export interface MappedWindow {
  /** The whole range. Bytes past the mapped part must not be touched: they fault. */
  readonly bytes: Uint8Array;
  /**
   * Shows `lengthBytes` of the file from `offset` on, both multiples of the page size, in place of the part before.
   * @throws SystemError; after that the window cannot be used any more.
   */
  show(fd: number, offset: number, lengthBytes: number): void;
}

export interface SharedMapping {
  readonly bytes: Uint8Array;
  /** Unmaps the file, which otherwise keeps its file system mounted. The bytes then read as zeros. */
  release(): void;
}

/** Each call throws SystemError with errno's number and the call's arguments. */
export interface Libc {
  mount(source: string, target: string, fstype: string, flags: number, data: string): void;
  umount(target: string): void;
  finitModule(fd: number, parameters: string): void;
  /** Does not return on success. */
  reboot(command: number): void;
  /** @param action for the error message. */
  ioctl(fd: number, request: number, bytes: Buffer, action: string): void;
  openWindow(lengthBytes: number): MappedWindow;
  /**
   * Starts a program that reads nothing and whose output is dropped, but for its errors, with the signals of this process. Nobody waits for it.
   * @param words the program's path comes first. @param environment NAME=value. @returns its process number.
   */
  spawn(words: readonly string[], environment: readonly string[], errorsPath: string): number;
  /** How much writable private memory a process may map, setrlimit(2). */
  limitData(pid: number, bytes: number): void;
  /** Allocates blocks and sets the length. Returns errno, 0 on success, because callers branch on it. */
  fallocate(fd: number, offset: number, lengthBytes: number): number;
  /** Where the next bytes at or after `offset` are that are not in a hole of the file; -1 when the kernel does not say. */
  nextData(fd: number, offset: number): number;
  /**
   * Has the kernel write part of a file to its device, sync_file_range(2), which says nothing of the device's own cache.
   * @param waits until it is there. @returns errno, 0 on success: of what was written before, too.
   */
  syncRange(fd: number, offset: number, lengthBytes: number, waits: boolean): number;
  /** Drops clean pages of the file from the page cache, all by default, so that later reads come from the device. */
  dropCache(fd: number, offset?: number, lengthBytes?: number): void;
  /** Maps part of a file for reading and writing. The file must have blocks for all of it. @param offset of a page */
  mapShared(fd: number, lengthBytes: number, offset?: number): SharedMapping;
}

export function openLibc(ffi: Ffi): Libc {
  const lib = openLibrary(ffi, ['libc.so.6']);
  const mount = lib.func('int mount(const char *, const char *, const char *, unsigned long, const char *)');
  const umount2 = lib.func('int umount2(const char *, int)');
  // glibc has no wrapper for it.
  const finitModule = lib.func('long syscall(long, int, const char *, int)');
  const reboot = lib.func('int reboot(int)');
  const ioctl = lib.func('int ioctl(int, unsigned long, void *)');
  const fallocate = lib.func('int fallocate(int, int, int64_t, int64_t)');
  const lseek = lib.func('int64_t lseek(int, int64_t, int)');
  const posixFadvise = lib.func('int posix_fadvise(int, int64_t, int64_t, int)');
  const syncFileRange = lib.func('int sync_file_range(int, int64_t, int64_t, unsigned int)');
  const mmap = lib.func('void *mmap(void *, size_t, int, int, int, int64_t)');
  const prlimit = lib.func('int prlimit(int, int, const void *, void *)');
  const fileActionsInit = lib.func('int posix_spawn_file_actions_init(void *)');
  const fileActionsOpen = lib.func(
    'int posix_spawn_file_actions_addopen(void *, int, const char *, int, int)',
  );
  const fileActionsDestroy = lib.func('int posix_spawn_file_actions_destroy(void *)');
  const posixSpawn = lib.func(
    'int posix_spawn(void *, const char *, void *, void *, const char **, const char **)',
  );
  const munmap = lib.func('int munmap(void *, size_t)');

  const check = (result: number, action: string): void => {
    if (result !== 0) throw refused(action, ffi.errno());
  };
  return {
    mount(source, target, fstype, flags, data) {
      check(mount(source, target, fstype, flags, data), `mount ${source} on ${target} as ${fstype}`);
    },
    umount(target) {
      check(umount2(target, 0), `unmount ${target}`);
    },
    finitModule(fd, parameters) {
      check(finitModule(SYS_finit_module[process.arch], fd, parameters, 0), 'load a kernel module');
    },
    reboot(command) {
      check(reboot(command | 0), `reboot with command 0x${command.toString(16)}`);
    },
    ioctl(fd, request, bytes, action) {
      check(ioctl(fd, request, bytes), action);
    },
    spawn(words, environment, errorsPath) {
      const [path] = words;
      const action = `start ${path}`;
      const must = (errno: number): void => {
        if (errno !== 0) throw refused(action, errno);
      };
      const pid = new Int32Array(1);
      const actions = Buffer.alloc(FILE_ACTIONS_BYTES);
      must(fileActionsInit(actions));
      try {
        must(fileActionsOpen(actions, 0, '/dev/null', constants.O_RDONLY, 0));
        must(fileActionsOpen(actions, 1, '/dev/null', constants.O_WRONLY, 0));
        const create = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
        must(fileActionsOpen(actions, 2, errorsPath, create, 0o600));
        must(posixSpawn(pid, path, actions, null, [...words, null], [...environment, null]));
      } finally {
        fileActionsDestroy(actions);
      }
      return pid[0]!;
    },
    limitData(pid, bytes) {
      const limits = new BigUint64Array([BigInt(bytes), BigInt(bytes)]);
      check(prlimit(pid, RLIMIT_DATA, limits, null), `limit the memory of process ${pid} to ${bytes} bytes`);
    },
    fallocate: (fd, offset, lengthBytes) => (fallocate(fd, 0, offset, lengthBytes) === 0 ? 0 : ffi.errno()),
    nextData: (fd, offset) => Number(lseek(fd, offset, SEEK_DATA)),
    syncRange(fd, offset, lengthBytes, waits) {
      const flags = waits ? SYNC_FILE_RANGE_WRITE_AND_WAIT : SYNC_FILE_RANGE_WRITE;
      return syncFileRange(fd, offset, lengthBytes, flags) === 0 ? 0 : ffi.errno();
    },
    dropCache(fd, offset = 0, lengthBytes = 0) {
      const errno = posixFadvise(fd, offset, lengthBytes, POSIX_FADV_DONTNEED);
      if (errno !== 0) throw refused('drop a file from the cache', errno);
    },
    mapShared(fd, lengthBytes, offset = 0) {
      const base = mmap(null, lengthBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
      if (base === MAP_FAILED) throw refused(`map ${lengthBytes} bytes to write`, ffi.errno());
      return {
        bytes: new Uint8Array(ffi.view(base, lengthBytes)),
        release() {
          const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
          const at = mmap(base, lengthBytes, PROT_READ | PROT_WRITE, flags, -1, 0);
          if (at === MAP_FAILED) throw refused(`unmap ${lengthBytes} bytes`, ffi.errno());
        },
      };
    },
    openWindow(lengthBytes) {
      const base = mmap(null, lengthBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (base === MAP_FAILED) throw refused(`reserve ${lengthBytes} bytes of address space`, ffi.errno());
      return {
        bytes: new Uint8Array(ffi.view(base, lengthBytes)),
        show(fd, offset, shownBytes) {
          const action = `map ${shownBytes} bytes at offset ${offset}`;
          // The file must be mapped where nothing is. When mmap_vmcore() in fs/proc/vmcore.c fails, it unmaps the range
          // of its new mapping, which is not in the tree yet: it would remove the old one a second time, and from Linux
          // v6.15 on the process hangs in the kernel. And x86 keeps the cache mode of an old window until after the new
          // one was mapped, which from about v6.16 on can make that fail.
          const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
          if (mmap(base, lengthBytes, PROT_NONE, flags, -1, 0) === MAP_FAILED)
            throw refused(action, ffi.errno());
          if (munmap(base, shownBytes) !== 0) throw refused(action, ffi.errno());
          const at = mmap(base, shownBytes, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, offset);
          if (at === MAP_FAILED) throw refused(action, ffi.errno());
          if (at === base) return;
          munmap(at, shownBytes);
          throw new SystemError('MAPPED_ELSEWHERE', {
            action,
            actual: 'the kernel chose another address',
            wanted: 'a kernel with MAP_FIXED_NOREPLACE (Linux v4.17)',
          });
        },
      };
    },
  };
}

/** The error of a system call. */
export function refused(action: string, errno: number): SystemError {
  return new SystemError(
    'SYSCALL_FAILED',
    { action, actual: `the kernel refused with errno ${errno}` },
    { errno },
  );
}
