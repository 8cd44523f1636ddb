/** What `locks` prints: each waiting task in a row, and the circles in which they wait. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import type { Holder } from '../../../capture/autopsy/locks/holder.ts';
import type { WaitingTask, Waits } from '../../../capture/autopsy/locks/waits.ts';
import type { Task } from '../../../capture/autopsy/tasks/tasks.ts';
import type { Unwinder } from '../../../capture/autopsy/unwind/unwinder.ts';
import { counted } from '../../../capture/errors.ts';
import { columnLines, UNKNOWN } from './columns.ts';
import { placeName } from './words.ts';

export interface LocksAnswer {
  readonly kernel: DeadKernel;
  readonly tasks: readonly Task[];
  readonly waits: Waits<Task>;
  /** The function in which a task sleeps; undefined when its stack does not say. */
  readonly sleepsIn: (task: Task) => string | undefined;
}

/** What is between a function that waits and the switch to another task, which arm64 has on the stack too. */
const SCHEDULING = /^(__switch_to$|(__|io_|preempt_)?schedule(_|$))/;

/** @param unwinder undefined where stacks cannot be unwound. */
export function sleepingPlace(unwinder: Unwinder | undefined): LocksAnswer['sleepsIn'] {
  return ({ address }) => {
    const frames = unwinder?.backtrace(address).frames ?? [];
    return frames.find(({ symbol = '', reliable }) => reliable && symbol !== '' && !SCHEDULING.test(symbol))
      ?.symbol;
  };
}

const HEADS = ['>PID', 'TASK', 'ST', 'COMMAND', 'WAITS FOR', 'HELD BY'];

export function locksLines(answer: LocksAnswer): string[] {
  const { waiting, circles } = answer.waits;
  if (waiting.length === 0) return ['No task waits for a lock or sleeps uninterruptibly'];
  const rows = waiting.map(one => [
    String(one.task.pid),
    addressDigits(one.task.address),
    one.task.state,
    one.task.comm,
    lockWords(answer, one),
    holderWords(answer, one),
  ]);
  return [...columnLines(HEADS, rows), ...circles.map(circleWords)];
}

function lockWords({ kernel, sleepsIn }: LocksAnswer, { task, wait }: WaitingTask<Task>): string {
  if (!wait) {
    const place = sleepsIn(task);
    return place === undefined ? 'not known' : `not known; sleeps in ${place}`;
  }
  const symbol = kernel.symbols.at(wait.lock);
  const what = wait.wants ? `${wait.kind} (to ${wait.wants})` : wait.kind;
  return [what, addressDigits(wait.lock), ...(symbol ? [placeName(symbol)] : [])].join(' ');
}

function holderWords({ tasks }: LocksAnswer, { wait, holder }: WaitingTask<Task>): string {
  if (!wait) return '';
  const named = (address: bigint) => {
    const task = tasks.find(one => one.address === address);
    return task
      ? `${task.pid} ${task.comm} (${task.state})`
      : `a task that is gone, ${addressDigits(address)}`;
  };
  switch (holder?.by) {
    case 'task':
      return named(holder.task);
    case 'readers':
      return [
        counted(holder.count, 'reader'),
        ...(holder.last === undefined ? [] : [`the last to come is ${named(holder.last)}`]),
      ].join(', ');
    case 'nobody':
      return 'nobody: it is being handed over';
    default:
      return UNKNOWN;
  }
}

function circleWords(circle: readonly Task[]): string {
  const names = [...circle, circle[0]!].map(({ pid, comm }) => `${pid} ${comm}`);
  return `deadlock: ${names.join(' waits for ')}`;
}

export function locksData({ kernel, sleepsIn, waits: { waiting, circles } }: LocksAnswer) {
  return {
    waiting: waiting.map(({ task, wait, holder }) => ({
      pid: task.pid,
      address: addressDigits(task.address),
      comm: task.comm,
      state: task.state,
      ...(wait && {
        lock: { kind: wait.kind, address: addressDigits(wait.lock), ...symbolOf(kernel, wait.lock) },
      }),
      ...(wait?.wants && { wants: wait.wants }),
      ...(!wait && placeOf(sleepsIn(task))),
      ...(holder && { holder: holderData(holder) }),
    })),
    circles: circles.map(circle => circle.map(({ pid }) => pid)),
  };
}

function placeOf(sleepsIn: string | undefined): { readonly sleepsIn?: string } {
  return sleepsIn === undefined ? {} : { sleepsIn };
}

function symbolOf({ symbols }: DeadKernel, address: bigint): { readonly symbol?: string } {
  const symbol = symbols.at(address);
  return symbol ? { symbol: placeName(symbol) } : {};
}

function holderData(holder: Holder) {
  switch (holder.by) {
    case 'task':
      return { by: holder.by, task: addressDigits(holder.task) };
    case 'readers':
      return {
        by: holder.by,
        readers: holder.count,
        ...(holder.last !== undefined && { task: addressDigits(holder.last) }),
      };
    default:
      return { by: holder.by };
  }
}
