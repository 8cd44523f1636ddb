/** `--root DIR`: a machine whose root directory is mounted here, such as an image that is built or a disk that is rescued. */
import { realpathSync, statSync } from 'node:fs';
import { attempt } from '../../../capture/errors.ts';
import { badValue } from '../cli/command.ts';
import { type Host, openHost } from './host.ts';

export const ROOT_OPTION = {
  root: { value: 'DIR', help: 'the machine whose root directory is mounted on DIR, and not the running one' },
} as const;

/** @throws UsageError for what is no directory. */
export function openGivenHost(root: string | undefined): Host {
  if (root === undefined) return openHost();
  const real = attempt(() => realpathSync(root));
  if (real === undefined || !statSync(real).isDirectory()) throw badValue('root', root, 'a directory');
  return openHost(real);
}
