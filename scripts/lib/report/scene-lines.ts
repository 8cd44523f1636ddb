/** What the memory says beside the report, as lines for a journal: what the other CPUs did. */
import {
  type Autopsy,
  type AutopsyCpu,
  type Part,
  present,
  type StackFrame,
} from '../../../capture/autopsy/summary/autopsy.ts';
import { printable } from '../../../capture/text.ts';
import { taskText } from './blocked.ts';

/** A machine may have thousands. */
const MOST_LINES = 16;

export function sceneLines(id: string, { cpus }: Pick<Autopsy, 'cpus'>): string[] {
  const busy = (present(cpus) ?? [])
    .filter(({ isIdle, isPanicking }) => !isIdle && !isPanicking)
    .map(cpuText);
  return capped('other CPU', busy).map(text => printable(`crash ${id}: ${text}`));
}

function capped(label: string, texts: readonly string[]): string[] {
  const left = texts.length - MOST_LINES;
  const lines = texts.slice(0, MOST_LINES).map(text => `${label}: ${text}`);
  return left > 0 ? [...lines, `${label}: and ${left} more`] : lines;
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
