/**
 * The crashed kernel in a dump, by the file that says most of it: of a dump that was not finished, the triage dump where it has
 * symbols and types (`triage tables`), and otherwise the incomplete dump, which may have them.
 */
import { join } from 'node:path';
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { attempt } from '../../../capture/errors.ts';
import type { Host } from '../host/host.ts';
import type { Dump } from './dump.ts';
import { type OpenDumpFile, openDumpFile } from './open-vmcore.ts';

export interface OpenKernel extends OpenDumpFile {
  readonly kernel: DeadKernel;
  /** Which file it is, where it is not the one that a complete dump has, and why. */
  readonly note?: string;
}

/** @param dump has a file. @throws as `openDumpFile` and `openAutopsy` do for the file that comes first */
export function openDumpedKernel(host: Host, dump: Dump, action: string): OpenKernel {
  const { directory, dumpFiles, standsInBecause } = dump;
  const open = (name: string): OpenKernel => {
    const file = openDumpFile(host.entry(join(directory, name)), action);
    try {
      return { ...file, kernel: openAutopsy(file.vmcore) };
    } catch (error) {
      file.close();
      throw error;
    }
  };
  const [first, ...others] = dumpFiles;
  if (first === undefined) throw new RangeError(`dump ${dump.id} has no file`);
  if (standsInBecause === undefined) return open(first);
  for (const name of dumpFiles) {
    const opened = attempt(() => open(name));
    if (!opened) continue;
    if (hasSymbols(opened.kernel)) return { ...opened, note: `${standsInBecause}; ${name} is read` };
    opened.close();
  }
  const without =
    others.length > 0 ? `no file of it has the kernel's symbols` : `${first} has no symbols of the kernel`;
  return { ...open(first), note: `${standsInBecause}; ${first} is read, and ${without}` };
}

/** Every kernel has this one, and without kallsyms vmcoreinfo does not name it. */
function hasSymbols({ symbols }: DeadKernel): boolean {
  return symbols.address('init_task') !== undefined;
}
