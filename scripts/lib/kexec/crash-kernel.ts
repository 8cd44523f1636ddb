/** The crash kernel of the running machine: whether it is loaded, loading and unloading it. */
import { closeSync, openSync } from 'node:fs';
import { describeError, SystemError } from '../../../capture/errors.ts';
import { openKexec } from '../../../capture/ffi/kexec.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { type Host, mustRun } from '../host/host.ts';

const LOADED = '/sys/kernel/kexec_crash_loaded';
const SIZE = '/sys/kernel/kexec_crash_size';

export function isLoaded(host: Host): boolean {
  return host.read(LOADED)?.trim() === '1';
}

/** What this boot reserved; 0 when nothing, or when the kernel has no kexec. */
export function reservedBytes(host: Host): number {
  return Number(host.read(SIZE)?.trim() ?? 0) || 0;
}

/** Booted as a crash kernel: nothing is to be loaded then. */
export function isCrashKernel(host: Host): boolean {
  return host.exists('/proc/vmcore');
}

export interface CrashKernel {
  /** Paths on the host. */
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
}

/**
 * Loads it by our own call of kexec_file_load, which needs no package and is what Secure Boot allows; where the kernel
 * does not have that call or this image is not for it (arm64 of Debian), by kexec-tools' kexec_load if it is installed.
 * @returns by which way.
 * @throws SystemError with what both ways said.
 */
export function loadCrashKernel(host: Host, crash: CrashKernel): string {
  try {
    loadByFile(host, crash);
    return 'kexec_file_load';
  } catch (error) {
    const kexec = host.command('kexec');
    const errno = error instanceof SystemError ? error.facts.errno : undefined;
    // A refused signature, or no memory: the older call would be refused too, or be a way around the lock.
    if (!kexec || !OTHER_WAY.has(Number(errno))) throw error;
    try {
      mustRun(
        host,
        kexec,
        '-c',
        '-p',
        crash.kernel,
        `--initrd=${crash.initrd}`,
        `--command-line=${crash.commandLine}`,
      );
      return 'kexec_load';
    } catch (second) {
      throw new SystemError('KEXEC_FAILED', {
        action: 'load the crash kernel',
        actual: `${describeError(error)} | ${describeError(second)}`,
      });
    }
  }
}

/** ENOEXEC, EINVAL, ENOSYS, EOPNOTSUPP */
const OTHER_WAY = new Set([8, 22, 38, 95]);

function loadByFile(host: Host, { kernel, initrd, commandLine }: CrashKernel): void {
  const kexec = openKexec(openFfi());
  const kernelFd = openSync(host.path(kernel), 'r');
  try {
    const initrdFd = openSync(host.path(initrd), 'r');
    try {
      kexec.loadCrash(kernelFd, initrdFd, commandLine);
    } finally {
      closeSync(initrdFd);
    }
  } finally {
    closeSync(kernelFd);
  }
}

/** @throws SystemError when the kernel keeps it. */
export function unloadCrashKernel(host: Host): void {
  try {
    openKexec(openFfi()).unloadCrash();
  } catch (error) {
    const kexec = host.command('kexec');
    if (!kexec) throw error;
    mustRun(host, kexec, '-p', '-u');
  }
}
