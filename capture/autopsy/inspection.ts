/** What several parts of an autopsy ask of a crashed kernel, read once: its tasks, and the stack of each. */
import type { DeadKernel } from './kernel.ts';
import { remembering } from './remember.ts';
import { readTasks, type TaskList } from './tasks/tasks.ts';
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
  return { ...unwinder, backtrace: remembering(MOST_KEPT, task => unwinder.backtrace(task)) };
}
