/** What several parts of an autopsy ask of a crashed kernel, read once: its tasks, and the stack of each. */
import type { DeadKernel } from './kernel.ts';
import { readTasks, type TaskList } from './tasks/tasks.ts';
import type { Backtrace } from './unwind/frame.ts';
import { openUnwinder, type Unwinder } from './unwind/unwinder.ts';

export interface Inspection {
  tasks(): TaskList;
  /** @throws as `openUnwinder`, each time. */
  unwinder(): Unwinder;
}

/** Stacks that are kept; a machine with more tasks has the others unwound again. */
const MOST_KEPT = 1 << 12;

export function inspect(kernel: DeadKernel): Inspection {
  let tasks: TaskList | undefined;
  let unwinder: Unwinder | undefined;
  return {
    tasks() {
      tasks ??= readTasks(kernel);
      return tasks;
    },
    unwinder() {
      unwinder ??= keeping(openUnwinder(kernel));
      return unwinder;
    },
  };
}

function keeping(unwinder: Unwinder): Unwinder {
  const kept = new Map<bigint, Backtrace>();
  return {
    ...unwinder,
    backtrace(task) {
      const known = kept.get(task);
      if (known) return known;
      const backtrace = unwinder.backtrace(task);
      if (kept.size < MOST_KEPT) kept.set(task, backtrace);
      return backtrace;
    },
  };
}
