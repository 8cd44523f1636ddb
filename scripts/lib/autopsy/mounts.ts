/** What `mounts` prints. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { Task } from '../../../capture/autopsy/tasks/tasks.ts';
import type { Mount } from '../../../capture/autopsy/vfs/mounts.ts';
import { columnLines } from './columns.ts';
import { chooseTasks } from './ps.ts';

/**
 * The task whose mounts are shown; undefined for the kernel's own, where there is no PID 1.
 * @throws UsageError for a word that no task answers to
 */
export function namespaceOf(tasks: readonly Task[], word: string | undefined): Task | undefined {
  if (word === undefined) return tasks.find(({ pid }) => pid === 1);
  return chooseTasks(tasks, { words: [word], only: undefined, leaders: false })[0];
}

/** crash's columns, and the first of the options that /proc/mounts has. */
export function mountLines(found: readonly Mount[]): string[] {
  const rows = found.map(({ mount, superBlock, type, device, directory, isReadOnly }) => [
    addressDigits(mount),
    addressDigits(superBlock),
    type,
    device,
    directory,
    isReadOnly ? 'ro' : 'rw',
  ]);
  return columnLines(['MOUNT', 'SUPERBLK', 'TYPE', 'DEVNAME', 'DIRNAME', 'RO'], rows);
}

export function mountData({ mount, superBlock, ...facts }: Mount) {
  return { ...facts, mount: addressDigits(mount), superBlock: addressDigits(superBlock) };
}
