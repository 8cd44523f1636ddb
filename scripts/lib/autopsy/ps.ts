/** What `ps` shows: which tasks, and as JSON. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { Task, TaskList } from '../../../capture/autopsy/tasks/tasks.ts';
import { UsageError } from '../cli/command.ts';
import { isAddressOf, rowsOf } from './named.ts';

export interface TaskChoice {
  /** PIDs, names, or addresses of task_structs; none for all. */
  readonly words: readonly string[];
  readonly only: 'user' | 'kernel' | undefined;
  /** Processes and not their threads. */
  readonly leaders: boolean;
}

/** @throws UsageError for a word that no task answers to. */
export function chooseTasks(tasks: readonly Task[], { words, only, leaders }: TaskChoice): Task[] {
  const refusal = (word: string) =>
    new UsageError('NO_TASK', {
      action: `find the task ${word}`,
      actual: `none of ${tasks.length} tasks has that PID, name or address`,
      toDo: `list them: kdumpling ps${word.includes('/') ? '. If it is a dump, name it with --dump' : ''}`,
    });
  return rowsOf(tasks, words, answersTo, refusal).filter(
    task =>
      (only === undefined || task.isKernelThread === (only === 'kernel')) &&
      (!leaders || task.pid === task.tgid),
  );
}

function answersTo(word: string): (task: Task) => boolean {
  if (/^[0-9]{1,7}$/.test(word)) return ({ pid }) => pid === Number(word);
  const hasAddress = isAddressOf(word);
  return task => task.comm === word || hasAddress(task);
}

export function psData({ cpus, panicCpu, panicTask, totalPages }: TaskList, shown: readonly Task[]) {
  return {
    panicCpu: panicCpu ?? null,
    panicTask: panicTask ? addressDigits(panicTask.address) : null,
    totalPages: totalPages ?? null,
    cpus: cpus.map(({ cpu, isOnline, runqueue, current, idle, runnable }) => ({
      cpu,
      isOnline,
      runqueue: addressDigits(runqueue),
      current: addressDigits(current),
      idle: addressDigits(idle),
      runnable,
    })),
    tasks: shown.map(task => ({
      address: addressDigits(task.address),
      pid: task.pid,
      tgid: task.tgid,
      ppid: task.ppid ?? null,
      comm: task.comm,
      state: task.state,
      stateBits: task.stateBits,
      cpu: task.cpu,
      isCurrent: task.isCurrent,
      isKernelThread: task.isKernelThread,
      ...(task.memory && task.memory),
    })),
  };
}
