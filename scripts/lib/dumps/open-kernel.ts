/**
 * The crashed kernel in a dump, by the file that says most of it: of a dump that was not finished, the triage dump where it has
 * symbols and types (`triage tables`), and otherwise the incomplete dump, which may have them.
 */
import { join } from 'node:path';
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { attempt } from '../../../capture/errors.ts';
import type { Host } from '../host/host.ts';
import { standInNote } from './choose-file.ts';
import type { Dump } from './dump.ts';
import { type OpenDumpFile, openDumpFile } from './open-vmcore.ts';

export interface OpenKernelFile extends OpenDumpFile {
  /** Or why the kernel in this file cannot be read. */
  readonly kernel: DeadKernel | Error;
  /** Which file it is, where it is not the one that a complete dump has, and why; a sentence each. */
  readonly notes: readonly string[];
}

export interface OpenKernel extends OpenKernelFile {
  readonly kernel: DeadKernel;
}

type Chosen = Pick<Dump, 'id' | 'directory' | 'dumpFiles' | 'standsInBecause'>;

/** @param dump has a file. @throws as `openDumpFile` and `openAutopsy` do for the file that comes first */
export function openDumpedKernel(host: Host, dump: Chosen, action: string): OpenKernel {
  const file = openKernelFile(host, dump, action);
  const { kernel } = file;
  if (!(kernel instanceof Error)) return { ...file, kernel };
  file.close();
  throw kernel;
}

/** @param dump has a file. @throws as `openDumpFile` does for the file that comes first */
export function openKernelFile(host: Host, dump: Chosen, action: string): OpenKernelFile {
  const { id, directory, dumpFiles, standsInBecause } = dump;
  const open = (name: string): OpenKernelFile => {
    const file = openDumpFile(host.entry(join(directory, name)), action);
    const note = standInNote(dump, name);
    return { ...file, kernel: kernelIn(file), notes: note === undefined ? [] : [note] };
  };
  const [first] = dumpFiles;
  if (first === undefined) throw new RangeError(`dump ${id} has no file`);
  if (standsInBecause === undefined) return open(first);
  for (const name of dumpFiles) {
    const file = attempt(() => open(name));
    if (file && hasSymbols(file.kernel)) return file;
    file?.close();
  }
  const file = open(first);
  return { ...file, notes: [...file.notes, withoutSymbols(dumpFiles)] };
}

function kernelIn({ vmcore }: OpenDumpFile): DeadKernel | Error {
  try {
    return openAutopsy(vmcore);
  } catch (error) {
    return error as Error;
  }
}

/** Every kernel has this one, and without kallsyms vmcoreinfo does not name it. */
function hasSymbols(kernel: DeadKernel | Error): boolean {
  return !(kernel instanceof Error) && kernel.symbols.address('init_task') !== undefined;
}

function withoutSymbols(names: readonly string[]): string {
  const verb = names.length === 1 ? 'has' : 'have';
  return `${names.join(' and ')} ${verb} no symbols of the kernel; kdumpling debug opens the dump with its debug symbols`;
}
