/** `--root DIR`: a machine whose root directory is here, such as an image that is built or a disk that is rescued. */
import { realpathSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../../capture/errors.ts';
import { badValue, UsageError } from '../cli/command.ts';
import { type Host, openHost } from './host.ts';
import { openImageHost } from './image-host.ts';

export const ROOT_OPTION = {
  root: { value: 'DIR', help: 'the machine whose root directory is mounted on DIR, and not the running one' },
} as const;

/** For a verb that is about the running kernel. */
export const NO_ROOT_OPTION = {
  root: { value: 'DIR', help: 'refused: this verb is about the running kernel' },
} as const;

/** statfs(2), in linux/magic.h. */
const PROC_SUPER_MAGIC = 0x9fa0;

/** @throws UsageError for what is no directory. */
export function openGivenHost(root: string | undefined): Host {
  if (root === undefined) return openHost();
  const real = attempt(() => realpathSync(root));
  if (real === undefined || !statSync(real).isDirectory()) throw badValue('root', root, 'a directory');
  if (real === '/') return openHost();
  return hasOwnFacts(real) ? openHost(real) : openImageHost(real);
}

/** Whether /proc is a copy, as a support archive has it. A mounted one is the running machine's, whoever mounted it. */
function hasOwnFacts(root: string): boolean {
  const proc = attempt(() => statfsSync(join(root, 'proc')).type);
  return proc !== PROC_SUPER_MAGIC && openHost(root).exists('/proc/self/mountinfo');
}

/** @throws UsageError for a root. */
export function refuseRoot(verb: string, root: string | undefined): void {
  if (root === undefined) return;
  throw new UsageError('NO_ROOT', {
    action: `run ${verb} with --root`,
    actual: 'it is about the running kernel',
    toDo: 'Run it on the machine itself, without --root',
  });
}
