/** kexec_file_load(2): the kernel reads and verifies the image itself, which Secure Boot requires. */
import { SystemError } from '../errors.ts';
import { type Ffi, openLibrary } from './library.ts';

/** asm/unistd_64.h, asm-generic/unistd.h */
const SYS_kexec_file_load: Readonly<Record<string, number>> = { x64: 320, arm64: 294 };
/** linux/kexec.h */
const KEXEC_FILE_UNLOAD = 1;
const KEXEC_FILE_ON_CRASH = 2;

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

export interface Kexec {
  /** Loads the crash kernel. @throws SystemError with `errno` in its facts. */
  loadCrash(kernelFd: number, initrdFd: number, commandLine: string): void;
  /** Unloads the crash kernel, if one is loaded. @throws SystemError */
  unloadCrash(): void;
}

export function openKexec(ffi: Ffi): Kexec {
  const syscall = openLibrary(ffi, ['libc.so.6']).func(
    'long syscall(long, int, int, unsigned long, const char *, unsigned long)',
  );
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
    unloadCrash() {
      call('unload the crash kernel', -1, -1, 0, '', KEXEC_FILE_UNLOAD | KEXEC_FILE_ON_CRASH);
    },
  };
}
