/**
 * kexec_file_load(2), by which the kernel reads and verifies the image itself, as Secure Boot requires; and kexec_load(2), by
 * which the caller says what goes where in memory.
 */
import { SystemError } from '../errors.ts';
import { addressOf, atFixedAddress } from './addresses.ts';
import { type Ffi, openLibrary } from './library.ts';

/** asm/unistd_64.h, asm-generic/unistd.h */
const SYS_kexec_file_load: Readonly<Record<string, number>> = { x64: 320, arm64: 294 };
const SYS_kexec_load: Readonly<Record<string, number>> = { x64: 246, arm64: 104 };
/** linux/kexec.h */
const KEXEC_ON_CRASH = 1;
/** The ELF machine in the upper half. */
const KEXEC_ARCH: Readonly<Record<string, number>> = { x64: 62 << 16, arm64: 183 << 16 };
const KEXEC_SEGMENT_BYTES = 32;
const KEXEC_FILE_UNLOAD = 1;
const KEXEC_FILE_ON_CRASH = 2;

/** errno -> its meaning here (kexec_load(2), Linux kernel/kexec.c, kernel/kexec_core.c). */
const LOAD_MEANINGS: Readonly<Record<number, string>> = {
  1: 'not permitted: root is needed, and kernel lockdown and the sysctl kernel.kexec_load_disabled refuse it',
  12: 'out of memory',
  16: 'another kexec call is in progress',
  22: 'the kernel does not accept the segments',
  38: 'this kernel has no kexec_load',
  99: 'a segment is not in the memory that is reserved for the crash kernel',
};

/** errno -> its meaning here (kexec_file_load(2), Linux kernel/kexec_file.c). */
const MEANINGS: Readonly<Record<number, string>> = {
  1: 'not permitted: root is needed, and kernel lockdown refuses a kernel without a signature',
  8: 'kexec_file_load does not know this kind of kernel image',
  12: 'out of memory',
  16: 'another kexec call is in progress',
  22: 'the kernel does not accept the kernel image, the initrd or the command line',
  38: 'this kernel has no kexec_file_load',
  74: "the kernel image's signature is damaged",
  95: 'this kernel cannot load such an image by kexec_file_load',
  99: 'no memory, or too little, is reserved for the crash kernel',
  126: 'the kernel image is signed with a key that this machine does not trust',
  129: "the kernel image's signature is rejected",
};

/** Bytes for a place in physical memory. Both numbers are multiples of the page size. */
export interface KexecSegment {
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly memoryBytes: number;
}

export interface Kexec {
  /** Loads the crash kernel. @throws SystemError with `errno` in its facts. */
  loadCrash(kernelFd: number, initrdFd: number, commandLine: string): void;
  /** Loads the crash kernel by kexec_load. @param entry physical. @throws SystemError with `errno` in its facts. */
  loadCrashSegments(entry: number, segments: readonly KexecSegment[]): void;
  /** Unloads the crash kernel by kexec_load. @throws SystemError */
  unloadCrashSegments(): void;
  /** Unloads the crash kernel, if one is loaded. @throws SystemError */
  unloadCrash(): void;
}

export function openKexec(ffi: Ffi): Kexec {
  const libc = openLibrary(ffi, ['libc.so.6']);
  const syscall = libc.func('long syscall(long, int, int, unsigned long, const char *, unsigned long)');
  const syscallLoad = libc.func('long syscall(long, unsigned long, unsigned long, void *, unsigned long)');
  const load = (action: string, entry: number, list: Buffer): void => {
    const count = list.length / KEXEC_SEGMENT_BYTES;
    const flags = KEXEC_ON_CRASH | KEXEC_ARCH[process.arch]!;
    if (Number(syscallLoad(SYS_kexec_load[process.arch], entry, count, list, flags)) === 0) return;
    const errno = ffi.errno();
    throw new SystemError(
      'KEXEC_FAILED',
      { action, actual: LOAD_MEANINGS[errno] ?? `the kernel refused with errno ${errno}` },
      { errno },
    );
  };
  const call = (action: string, ...args: [number, number, number, string, number]): void => {
    if (Number(syscall(SYS_kexec_file_load[process.arch], ...args)) === 0) return;
    const errno = ffi.errno();
    throw new SystemError(
      'KEXEC_FAILED',
      { action, actual: MEANINGS[errno] ?? `the kernel refused with errno ${errno}` },
      { errno },
    );
  };
  return {
    loadCrash(kernelFd, initrdFd, commandLine) {
      // The length counts the terminating NUL.
      const length = Buffer.byteLength(commandLine) + 1;
      call('load the crash kernel', kernelFd, initrdFd, length, commandLine, KEXEC_FILE_ON_CRASH);
    },
    loadCrashSegments(entry, segments) {
      const list = Buffer.alloc(segments.length * KEXEC_SEGMENT_BYTES);
      const fixed = segments.map(segment => ({ ...segment, bytes: atFixedAddress(segment.bytes) }));
      for (const [index, { bytes, address, memoryBytes }] of fixed.entries()) {
        const row = list.subarray(index * KEXEC_SEGMENT_BYTES);
        row.writeBigUInt64LE(BigInt(addressOf(ffi, bytes)), 0);
        row.writeBigUInt64LE(BigInt(bytes.length), 8);
        row.writeBigUInt64LE(BigInt(address), 16);
        row.writeBigUInt64LE(BigInt(memoryBytes), 24);
      }
      load('load the crash kernel', entry, list);
    },
    unloadCrashSegments() {
      load('unload the crash kernel', 0, Buffer.alloc(0));
    },
    unloadCrash() {
      call('unload the crash kernel', -1, -1, 0, '', KEXEC_FILE_UNLOAD | KEXEC_FILE_ON_CRASH);
    },
  };
}
