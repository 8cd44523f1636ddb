/** The tasks that could not go on when the machine stopped, by its memory: who waited for whom, and who for ever. */
import { type Autopsy, present, type TaskName, type Wait } from '../../../capture/autopsy/summary/autopsy.ts';
import { counted } from '../../../capture/errors.ts';
import type { HungTask } from './details.ts';
import { waitRows } from './wait-forest.ts';

export interface BlockedTasks {
  /** Of them all. */
  readonly count: number;
  /** Those that wait in a circle: they can never run. */
  readonly deadlocked: readonly TaskName[];
  /** The first of them: those in circles, then those whose lock's holder is known, then those whose lock is. */
  readonly waits: readonly Wait[];
}

/** A machine that hangs may have thousands. */
const MOST_WAITS = 16;

/** Undefined where none was blocked, or the memory does not say it. */
export function blockedTasks({ waits }: Pick<Autopsy, 'waits'>): BlockedTasks | undefined {
  const all = present(waits) ?? [];
  if (all.length === 0) return undefined;
  const deadlocked = waitRows(all).flatMap(({ isStuck, task }) => (isStuck ? [task] : []));
  const isStuck = new Set(deadlocked.map(({ pid }) => pid));
  const rank = ({ task, owner, kind }: Wait) =>
    isStuck.has(task.pid) ? 0 : owner ? 1 : kind === undefined ? 3 : 2;
  const inOrder = all.toSorted((a, b) => rank(a) - rank(b));
  return {
    count: all.length,
    deadlocked: deadlocked.slice(0, MOST_WAITS),
    waits: inOrder.slice(0, MOST_WAITS),
  };
}

/** Kernels before 6.16 do not log who holds the lock; the memory may show it. */
export function withHolders(hung: readonly HungTask[], { waits }: Pick<Autopsy, 'waits'>): HungTask[] {
  return hung.map(task => {
    const owner = task.waitsFor ?? (present(waits) ?? []).find(wait => wait.task.pid === task.pid)?.owner;
    return owner ? { ...task, waitsFor: owner } : task;
  });
}

export function deadlockText({ deadlocked }: BlockedTasks): string | undefined {
  if (deadlocked.length === 0) return undefined;
  return `${counted(deadlocked.length, 'task')} can never run: ${deadlocked.map(taskText).join(', ')}`;
}

/** A line for each task, and one for those that are left out. */
export function blockedLines({ count, waits }: BlockedTasks): string[] {
  const left = count - waits.length;
  return [...waits.map(waitText), ...(left > 0 ? [`and ${left} more`] : [])];
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

export function taskText({ comm, pid }: TaskName): string {
  return `${comm} (pid ${pid})`;
}
