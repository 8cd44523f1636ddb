/** The crash kernel of the running machine: loads it, unloads it, and says whether it is loaded. */
import { closeSync, openSync } from 'node:fs';
import { describeError, SystemError } from '../../../capture/errors.ts';
import { openKexec } from '../../../capture/ffi/kexec.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { type Host, mustRun } from '../host/host.ts';
import { forgetLoaded } from './loaded-record.ts';

const LOADED = '/sys/kernel/kexec_crash_loaded';
const SIZE = '/sys/kernel/kexec_crash_size';

export function isLoaded(host: Host): boolean {
  return host.read(LOADED)?.trim() === '1';
}

/** The memory that this boot reserved; 0 if there is none, or if the kernel has no kexec. */
export function reservedBytes(host: Host): number {
  return Number(host.read(SIZE)?.trim() ?? 0) || 0;
}

/** Whether this is a crash kernel, which must not load another one. */
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
 * Loads it by kexec_file_load, called directly, which needs no package and which Secure Boot allows. If the kernel lacks
 * that call or cannot load this image by it (Debian on arm64), uses kexec_load of kexec-tools, if installed.
 * @returns the name of the call.
 * @throws SystemError with the errors of both calls.
 */
export function loadCrashKernel(host: Host, crash: CrashKernel): string {
  try {
    loadByFile(host, crash);
    return 'kexec_file_load';
  } catch (error) {
    const kexec = host.command('kexec');
    const errno = error instanceof SystemError ? error.facts.errno : undefined;
    // After a refused signature or a lack of memory, the older call would fail too, or would evade the lockdown.
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
        actual: `kexec_file_load: ${describeError(error)} | kexec_load: ${describeError(second)}`,
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

/** @throws SystemError if the kernel refuses. */
export function unloadCrashKernel(host: Host): void {
  forgetLoaded(host);
  try {
    openKexec(openFfi()).unloadCrash();
  } catch (error) {
    const kexec = host.command('kexec');
    if (!kexec) throw error;
    mustRun(host, kexec, '-p', '-u');
  }
}
