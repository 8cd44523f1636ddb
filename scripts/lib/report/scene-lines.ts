/** What the memory says beside the crash itself, as lines for a journal: who waits for whom, and what the other CPUs did. */
import {
  type Autopsy,
  type AutopsyCpu,
  type Part,
  present,
  type StackFrame,
  type TaskName,
  type Wait,
} from '../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../capture/errors.ts';
import { printable } from '../../../capture/text.ts';

/** A machine that hangs may have thousands. */
const MOST_LINES = 16;

export function sceneLines(id: string, { waits, cpus }: Autopsy): string[] {
  const blocked = (present(waits) ?? []).map(waitText);
  const busy = (present(cpus) ?? [])
    .filter(({ isIdle, isPanicking }) => !isIdle && !isPanicking)
    .map(cpuText);
  return [...capped('blocked', blocked), ...capped('other CPU', busy)].map(text =>
    printable(`crash ${id}: ${text}`),
  );
}

function capped(label: string, texts: readonly string[]): string[] {
  const left = texts.length - MOST_LINES;
  const lines = texts.slice(0, MOST_LINES).map(text => `${label}: ${text}`);
  return left > 0 ? [...lines, `${label}: and ${left} more`] : lines;
}

function waitText({ task, kind, lock, owner, readers, in: where }: Wait): string {
  const what = kind === undefined ? '' : ` waits for ${kind} ${lock ?? ''}`;
  const holder = owner
    ? `, held by ${taskText(owner)}`
    : readers === undefined
      ? ''
      : `, held by ${counted(readers, 'reader')}`;
  return `${taskText(task)}${what}${holder}${where === undefined ? '' : `, in ${where}`}`;
}

function cpuText({ cpu, task, stack }: AutopsyCpu): string {
  return `${cpu}: ${task ? taskText(task) : 'unknown task'}: ${stackText(stack)}`;
}

function stackText(stack: Part<readonly StackFrame[]>): string {
  const names = (present(stack) ?? []).flatMap(({ name, address, doubtful }) =>
    doubtful ? [] : [name ?? address],
  );
  return names.join(' < ') || 'no stack';
}

function taskText({ comm, pid }: TaskName): string {
  return `${comm} (pid ${pid})`;
}
