/** Runs a file system checker of the runtime image, which repairs what needs no decision. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SystemError } from '../errors.ts';
import type { Checker } from '../options/file-systems.ts';

/** build/runtime.ts puts checkers there, with their libraries. */
const FOLDER = '/runtime/sbin';
/** A large file system takes minutes. A checker that is killed halfway does no more harm than a power cut would. */
export const PREEN_SECONDS = 600;
const MOST_LINES = 20;

/**
 * Returns the last lines of the checker's output; undefined when the image does not include it.
 * @throws SystemError when it found more than it may repair alone, or did not finish.
 */
export function preen(device: string, { program, args, failedFrom }: Checker): readonly string[] | undefined {
  const path = `${FOLDER}/${program}`;
  if (!existsSync(path)) return undefined;
  const { status, signal, error, stdout } = spawnSync(path, [...args, device], {
    encoding: 'utf8',
    timeout: PREEN_SECONDS * 1000,
    killSignal: 'SIGKILL',
  });
  const says = (stdout ?? '')
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-MOST_LINES);
  if (status !== null && status < failedFrom) return says;
  throw new SystemError('FSCK_FAILED', {
    action: `repair the file system on ${device}`,
    actual: error
      ? error.message
      : `${program} ended with ${signal ?? `status ${status}`}: ${says.at(-1) ?? 'it printed nothing'}`,
    toDo: 'run fsck by hand before this file system is written to again',
  });
}
