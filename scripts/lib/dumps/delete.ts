/** Deletes dumps by the same mechanism as a capture's retention: what we did not write stays. */
import { basename, dirname } from 'node:path';
import { counted, describeError } from '../../../capture/errors.ts';
import { removeDump } from '../../../capture/storage/policy/dump-store.ts';
import { printable } from '../../../capture/text.ts';
import type { Host } from '../host/host.ts';
import type { Dump } from './dumps.ts';

/** One that cannot be deleted does not stop the others. Returns how many were deleted. */
export function deleteDumps(host: Host, dumps: readonly Dump[], say: (line: string) => void): number {
  let deleted = 0;
  for (const { directory } of dumps) {
    try {
      const left = removeDump(host.path(dirname(directory)), basename(directory));
      deleted++;
      if (left.length === 0) continue;
      const names = left.map(printable).join(', ');
      say(
        `${printable(directory)} stays: kdumpling did not write ${names} (${counted(left.length, 'file')} of somebody else)`,
      );
    } catch (error) {
      say(printable(`${directory}: not deleted: ${describeError(error)}`));
    }
  }
  return deleted;
}
