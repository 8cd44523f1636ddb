/** The stack in the autopsy against the one that the crashing kernel printed on the serial console. */
import { type Autopsy, present, type StackFrame } from '../../capture/autopsy/summary/autopsy.ts';
import { differenceFromPrinted, type ReadStack } from '../judges/printed-stack.ts';
import type { CrashRun } from '../run/run.ts';
import { savedAutopsy } from './autopsy.ts';

const CAPTURE_BEGINS = /kdumpling: early:|kdumpling: start:/;

/** No check where there is no autopsy: other expectations say whether there must be one. */
export function stackAsPrinted({ dumps, lines }: Pick<CrashRun, 'dumps' | 'lines'>) {
  const autopsy = savedAutopsy(dumps[0] ?? '');
  if (!autopsy) return [];
  const texts = lines.map(({ text }) => text);
  const begin = texts.findIndex(text => CAPTURE_BEGINS.test(text));
  const what = 'the stack in the autopsy is the one that the kernel printed';
  const read = panickingStack(autopsy);
  if (!read) return [{ what, holds: false, saw: 'no stack in the autopsy' }];
  const found = differenceFromPrinted(begin < 0 ? texts : texts.slice(0, begin), read);
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
  return {
    cpu: found.cpu,
    pid: found.task.pid,
    frames: surely(stack).map(frameText),
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
