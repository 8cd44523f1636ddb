/** file(1) as a judge: the first thing that a support engineer runs on a dump. */

import { findCommand } from '../../build/host/host-packages.ts';
import { SystemError } from '../../capture/errors.ts';
import { runBounded } from './bounded-run.ts';

export async function fileType(path: string): Promise<string> {
  const command = findCommand('file');
  if (!command) {
    const what = {
      action: `name the type of ${path}`,
      actual: 'there is no file(1)',
      wanted: 'the host package file',
    };
    throw new SystemError('NO_FILE_COMMAND', what);
  }
  const { stdout } = await runBounded([command, '--brief', '--', path], { timeoutSeconds: 20 });
  return stdout.trim();
}

/** A flattened dump ("Flattened kdump compressed dump") is right in a pipe and wrong in a file. */
export function isKdumpCompressed(type: string): boolean {
  return /^Kdump compressed dump\b/.test(type);
}
