/** The file system checker that the runtime image brings: e2fsck(8), for what can be repaired without a question. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SystemError } from '../errors.ts';

/** build/runtime.ts puts it there, with its libraries. */
const E2FSCK = '/runtime/sbin/e2fsck';
/** A large file system takes minutes. To be ended in the middle is what a power cut would do to it, no worse. */
export const PREEN_SECONDS = 600;
/** The exit code's bits from "errors left uncorrected" on; below are "corrected" and "reboot". */
const FAILED = 4;
const MOST_LINES = 20;

/**
 * Returns what it says, its last lines; undefined when the image has none.
 * @throws SystemError when it found more than it may repair alone, or did not finish.
 */
export function preen(device: string): readonly string[] | undefined {
  if (!existsSync(E2FSCK)) return undefined;
  const { status, signal, error, stdout } = spawnSync(E2FSCK, ['-p', device], {
    encoding: 'utf8',
    timeout: PREEN_SECONDS * 1000,
    killSignal: 'SIGKILL',
  });
  const says = (stdout ?? '')
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-MOST_LINES);
  if (status !== null && status < FAILED) return says;
  throw new SystemError('FSCK_FAILED', {
    action: `repair the file system on ${device}`,
    actual: error
      ? error.message
      : `e2fsck ended with ${signal ?? `status ${status}`}: ${says.at(-1) ?? 'without a word'}`,
    toDo: 'fsck by hand before this file system is written to again',
  });
}
