/** Runs busybox, the fallback for system calls: a broken FFI then costs speed, but not the dump. */
import { spawnSync } from 'node:child_process';
import { SystemError } from '../errors.ts';

const BUSYBOX = '/bin/busybox';
/** A device that does not answer must not block the capture without limit. */
const TIMEOUT_MS = 120_000;

/** Runs one applet. @throws SystemError with its last line of output when it fails, is missing or hangs. */
export function busybox(applet: string, ...args: string[]): void {
  const { status, signal, error, stderr } = spawnSync(BUSYBOX, [applet, ...args], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  if (status === 0) return;
  const lastLine = stderr?.trim().split('\n').at(-1);
  throw new SystemError('BUSYBOX_FAILED', {
    action: `run busybox ${[applet, ...args].join(' ')}`,
    actual: error ? error.message : lastLine || `it ended with ${signal ?? `status ${status}`}`,
  });
}
