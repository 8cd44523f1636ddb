/** Which debugger runs: the one that was asked for, or the one that this machine has and that reads the dump. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { attempt, SystemError } from '../../../capture/errors.ts';
import { MACHINES } from '../../../capture/vmcore/machines.ts';
import { DEBUGGERS, type DebuggerName, installCommand } from './debuggers.ts';

export interface Chosen {
  readonly name: DebuggerName;
  /** Its program. */
  readonly path: string;
}

export interface Choice {
  /** The one that was asked for. */
  readonly asked?: DebuggerName;
  readonly batch?: string;
  /** e_machine of the dump, and of this machine. */
  readonly machine: number;
  readonly ownMachine: number;
  /** Of this machine: ID and ID_LIKE of os-release(5). */
  readonly distribution: string;
}

/** @param find the path of a program; undefined where this machine has none. @throws SystemError NO_DEBUGGER */
export function chooseDebugger(
  { asked, batch, machine, ownMachine, distribution }: Choice,
  find: (name: string) => string | undefined,
): Chosen {
  const order: DebuggerName[] = batch?.endsWith('.py') ? ['drgn', 'crash'] : ['crash', 'drgn'];
  const wanted = asked ? [asked] : order;
  const isForeign = machine !== ownMachine;
  const able = wanted.filter(name => !isForeign || DEBUGGERS[name].readsForeign);
  for (const name of able) {
    const path = find(name);
    if (path !== undefined) return { name, path };
  }
  const architecture = MACHINES[machine]?.name ?? 'another architecture';
  if (able.length === 0) {
    throw new SystemError('NO_DEBUGGER', {
      action: `open the dump with ${asked}`,
      actual: `the dump is of a machine of ${architecture}, and ${asked} reads those of its own architecture only`,
      toDo: `use drgn: kdumpling debug --drgn (${installCommand('drgn', distribution)})`,
    });
  }
  const installs = able.map(name => installCommand(name, distribution));
  throw new SystemError('NO_DEBUGGER', {
    action: 'start a debugger',
    actual: `this machine has ${able.length === 1 ? `no ${able[0]}` : `neither ${able.join(' nor ')}`}${isForeign && !asked ? `, which reads dumps of ${architecture}` : ''}`,
    toDo: `install ${able.length === 1 ? 'it' : 'one'}: ${installs.join(', or ')}`,
  });
}

/** The administrator's folders are often not in a user's PATH. */
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'];

export function findProgram(name: string, path: string | undefined): string | undefined {
  const folders = [...(path ?? '').split(':').filter(folder => folder.startsWith('/')), ...FOLDERS];
  return folders
    .map(folder => join(folder, name))
    .find(file => attempt(() => accessSync(file, constants.X_OK) === undefined));
}
