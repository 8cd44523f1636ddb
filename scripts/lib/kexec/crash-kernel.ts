/** The crash kernel of the running machine: loads it, unloads it, and says whether it is loaded. */
import { closeSync, openSync } from 'node:fs';
import { describeError, SystemError } from '../../../capture/errors.ts';
import { type Kexec, openKexec } from '../../../capture/ffi/kexec.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { type Host, mustRun } from '../host/host.ts';
import { type CrashKernel, loadArm64 } from './arm64/load.ts';
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

/**
 * Loads it by kexec_file_load, called directly, which needs no package and which Secure Boot allows. If the kernel lacks
 * that call or cannot load this image by it, uses kexec_load: directly on arm64, where all of Debian's kernels lack the
 * other, and by kexec-tools elsewhere, if installed.
 * @returns the name of the call.
 * @throws SystemError with the errors of both calls, or of the only one that the kernel has.
 */
export function loadCrashKernel(host: Host, crash: CrashKernel): string {
  const kexec = openKexec(openFfi());
  try {
    loadByFile(host, kexec, crash);
    return 'kexec_file_load';
  } catch (error) {
    const load = olderWay(host, kexec);
    const errno = error instanceof SystemError ? error.facts.errno : undefined;
    // After a refused signature or a lack of memory, the older call would fail too, or would evade the lockdown.
    if (!load || !OTHER_WAY.has(Number(errno))) throw error;
    try {
      load(crash);
      return 'kexec_load';
    } catch (second) {
      // A kernel without the first call has only one error worth reading.
      if (errno === ENOSYS) throw second;
      throw new SystemError('KEXEC_FAILED', {
        action: 'load the crash kernel',
        actual: `kexec_file_load: ${describeError(error)} | kexec_load: ${describeError(second)}`,
      });
    }
  }
}

/** How this machine uses kexec_load; undefined where it cannot. */
function olderWay(host: Host, kexec: Kexec): ((crash: CrashKernel) => void) | undefined {
  if (process.arch === 'arm64') return crash => loadArm64(host, kexec, crash);
  const tool = host.command('kexec');
  if (!tool) return undefined;
  return ({ kernel, initrd, commandLine }) => {
    mustRun(host, tool, '-c', '-p', kernel, `--initrd=${initrd}`, `--command-line=${commandLine}`);
  };
}

const ENOSYS = 38;
/** ENOEXEC, EINVAL, ENOSYS, EOPNOTSUPP */
const OTHER_WAY = new Set([8, 22, ENOSYS, 95]);

function loadByFile(host: Host, kexec: Kexec, { kernel, initrd, commandLine }: CrashKernel): void {
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
  const kexec = openKexec(openFfi());
  try {
    kexec.unloadCrash();
  } catch (error) {
    const errno = error instanceof SystemError ? error.facts.errno : undefined;
    if (!OTHER_WAY.has(Number(errno))) throw error;
    kexec.unloadCrashSegments();
  }
}
