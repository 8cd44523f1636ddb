/**
 * The stack in the autopsy against the one that the crashing kernel printed, as its saved log has it: an emulated serial line
 * loses characters on a busy host. That the saved log is the kernel's is another check's, by makedumpfile.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Autopsy, present, type StackFrame } from '../../capture/autopsy/summary/autopsy.ts';
import { differenceFromPrinted, type ReadStack } from '../judges/printed-stack.ts';
import type { CrashRun } from '../run/run.ts';
import { savedAutopsy } from './autopsy.ts';

/** No check where there is no autopsy, nor where there is no log: other expectations say whether there must be one. */
export function stackAsPrinted({ dumps: [dump = ''] }: Pick<CrashRun, 'dumps'>) {
  const autopsy = savedAutopsy(dump);
  if (!autopsy) return [];
  const what = 'the stack in the autopsy is the one that the kernel printed';
  const read = panickingStack(autopsy);
  if (!read) return [{ what, holds: false, saw: 'no stack in the autopsy' }];
  const log = join(dump, 'vmcore-dmesg.txt');
  if (!existsSync(log)) return [];
  const found = differenceFromPrinted(readFileSync(log, 'latin1').split('\n'), read);
  if (found === 'not printed')
    return [{ what, holds: true, saw: `the kernel printed no stack of PID ${read.pid} on CPU ${read.cpu}` }];
  const { printed, difference } = found;
  return [{ what, holds: difference === undefined, saw: difference ?? `${printed} frames, all equal` }];
}

/** Undefined where the autopsy does not have it. */
export function panickingStack({ crash }: Autopsy): ReadStack | undefined {
  const found = present(crash);
  const stack = found && present(found.stack);
  if (!stack || !found.task) return undefined;
  const frames = surely(stack);
  const atEnd = frames.filter(({ offset, size }) => size !== undefined && offset === size);
  return {
    cpu: found.cpu,
    pid: found.task.pid,
    frames: frames.map(frameText),
    atEnd: new Set(atEnd.map(frameText)),
  };
}

/** What is behind a guess is one, too: the kernel marks all of it. */
function surely(stack: readonly StackFrame[]): readonly StackFrame[] {
  const guess = stack.findIndex(({ doubtful }) => doubtful);
  return guess < 0 ? stack : stack.slice(0, guess);
}

function frameText({ name, address, offset, module }: StackFrame): string {
  const place = name === undefined ? address : `${name}+${offset ?? '0x0'}`;
  return `${place}${module === undefined ? '' : ` [${module}]`}`;
}
