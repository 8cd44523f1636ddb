/** Who waits for whom: the tasks that sleep for a lock, who holds it, and where they wait in a circle. */
import { attempt } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { type Findings, Problems } from '../problems.ts';
import { type Holder, readHolder } from './holder.ts';
import { recordedWait, type Wait } from './recorded-wait.ts';
import { type StackOf, stackWaits } from './stack-wait.ts';

/** As much of a task as matters here. */
export interface MaybeWaiting extends StackOf {
  /** crash's word. */
  readonly state: string;
  readonly isCurrent: boolean;
}

export interface WaitingTask<T> {
  readonly task: T;
  /** Absent when memory does not say what it waits for: then it is no mutex, rwsem or semaphore, or cannot be read. */
  readonly wait?: Wait;
  /** Of the lock; absent when that cannot be read. */
  readonly holder?: Holder;
}

export interface Waits<T> {
  /** Tasks in uninterruptible sleep, and others that sleep for a lock. */
  readonly waiting: readonly WaitingTask<T>[];
  /** Each waits for the next one, and the last for the first. */
  readonly circles: readonly (readonly T[])[];
}

/** `UN` sleeps until it is woken by what it waits for; `IN` also by a signal, and may wait for a lock too. */
const UNINTERRUPTIBLE = 'UN';
const SLEEPING: readonly string[] = [UNINTERRUPTIBLE, 'IN'];

export function readWaits<T extends MaybeWaiting>(
  kernel: DeadKernel,
  tasks: readonly T[],
): Findings<Waits<T>> {
  const problems = new Problems();
  const onStack = stackWaits(kernel, tasks);
  const waiting = tasks
    .filter(({ state, isCurrent }) => SLEEPING.includes(state) && !isCurrent)
    .map(task => readWait(kernel, onStack, task, problems))
    .filter(({ task, wait }) => wait !== undefined || task.state === UNINTERRUPTIBLE);
  return { found: { waiting, circles: circlesOf(waiting) }, problems: problems.sentences };
}

function readWait<T extends MaybeWaiting>(
  kernel: DeadKernel,
  onStack: (task: StackOf) => Wait | undefined,
  task: T,
  problems: Problems,
): WaitingTask<T> {
  const wait =
    attempt(() => recordedWait(kernel, task.address), problems.add) ??
    attempt(() => onStack(task), problems.add);
  if (!wait) return { task };
  const holder = attempt(() => readHolder(kernel, wait.kind, wait.lock), problems.add);
  return { task, wait, ...(holder && { holder }) };
}

/** Each task waits for one other at most, so a walk along the holders either ends or comes back. */
function circlesOf<T extends MaybeWaiting>(waiting: readonly WaitingTask<T>[]): T[][] {
  const byAddress = new Map(waiting.map(one => [one.task.address, one]));
  const circles: T[][] = [];
  const done = new Set<bigint>();
  for (const { task } of waiting) {
    const path: T[] = [];
    let at = byAddress.get(task.address);
    while (at && !done.has(at.task.address)) {
      done.add(at.task.address);
      path.push(at.task);
      at = at.holder?.by === 'task' ? byAddress.get(at.holder.task) : undefined;
    }
    const start = path.findIndex(({ address }) => address === at?.task.address);
    if (start >= 0) circles.push(path.slice(start));
  }
  return circles;
}
