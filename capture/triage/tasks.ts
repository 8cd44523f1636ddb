/** Tasks: their structures, their stacks, and the table of PIDs that leads to them. */

import { stackBytes } from '../autopsy/tasks/stacks.ts';
import type { Task, TaskList } from '../autopsy/tasks/tasks.ts';
import { xarrayEntries } from '../autopsy/xarray.ts';
import { attempt } from '../errors.ts';
import { addRange, addStruct, type Subject } from './ranges.ts';

/** What a task points to and ps shows, or a debugger reads when it lists tasks. */
const PARTS = [
  ['task_struct.mm', 'mm_struct'],
  ['task_struct.signal', 'signal_struct'],
  ['task_struct.thread_pid', 'pid'],
] as const;
/** PID_MAX_LIMIT */
const MOST_PIDS = 1 << 22;

/** In the order of need: those that ran, then those that wait for something, then others. */
export function byNeed({ tasks, panicTask }: TaskList): Task[] {
  const need = (task: Task) => (task === panicTask ? 3 : task.isCurrent ? 2 : task.state === 'UN' ? 1 : 0);
  return [...tasks].sort((a, b) => need(b) - need(a));
}

export function addTask(subject: Subject, { address }: Task): void {
  const { fields } = subject.kernel;
  addStruct(subject, address, 'task_struct');
  for (const [pointer, type] of PARTS)
    attempt(() => addStruct(subject, fields.pointer(address, pointer), type));
}

/** The used part of it: from the saved stack pointer to the end. Of a task that ran, all. */
export function addUsedStack(subject: Subject, task: Task): void {
  const { kernel } = subject;
  const bytes = stackBytes(kernel);
  if (task.stack === 0n) return;
  const end = task.stack + BigInt(bytes);
  const sp = task.isCurrent ? 0n : (attempt(() => savedSp(subject, task.address)) ?? 0n);
  const start = sp >= task.stack && sp < end ? sp : task.stack;
  addRange(subject, start, Number(end - start));
  // The canary at its end (end_of_stack() in include/linux/sched/task_stack.h).
  addRange(subject, task.stack, kernel.memory.arch.pageSizeBytes);
}

export function addWholeStack(subject: Subject, { stack }: Task): void {
  if (stack !== 0n) addRange(subject, stack, stackBytes(subject.kernel));
}

function savedSp({ kernel: { fields, types } }: Subject, task: bigint): bigint {
  const path = types.has('task_struct.thread.sp')
    ? 'task_struct.thread.sp'
    : 'task_struct.thread.cpu_context.sp';
  return fields.pointer(task, path);
}

/** The tree of init_pid_ns and each `struct pid` in it. */
export function addPids(subject: Subject): void {
  const { kernel } = subject;
  const { symbols, fields } = kernel;
  const idr = fields.address(symbols.require('init_pid_ns'), 'pid_namespace.idr');
  const pids = xarrayEntries(kernel, fields.address(idr, 'idr.idr_rt'), MOST_PIDS, node =>
    addStruct(subject, node, 'xa_node'),
  );
  for (const pid of pids) {
    if (subject.recorder.into.isFull) return;
    addStruct(subject, pid, 'pid');
  }
}
