/** What several parts of an autopsy, and a triage dump, ask of a crashed kernel: read once. */
import type { DeadKernel } from './kernel.ts';
import { readWaits } from './locks/waits.ts';
import { readMeminfo } from './memory/meminfo.ts';
import { once, remembering } from './remember.ts';
import { readTasks, type Task, type TaskList } from './tasks/tasks.ts';
import { openUnwinder, type Unwinder } from './unwind/unwinder.ts';
import { Paths } from './vfs/paths.ts';

export interface Inspection {
  tasks(): TaskList;
  /** @throws as `openUnwinder`, each time. */
  unwinder(): Unwinder;
  /** Of these tasks. */
  waits(): ReturnType<typeof readWaits<Task>>;
  meminfo(): ReturnType<typeof readMeminfo>;
  readonly paths: Paths;
}

/** Stacks that are kept; a machine with more tasks has the others unwound again. */
const MOST_KEPT = 1 << 12;

export function inspect(kernel: DeadKernel): Inspection {
  const tasks = once(() => readTasks(kernel));
  return {
    tasks,
    unwinder: once(() => keeping(openUnwinder(kernel))),
    waits: once(() => readWaits(kernel, tasks().tasks)),
    meminfo: once(() => readMeminfo(kernel)),
    paths: new Paths(kernel),
  };
}

function keeping(unwinder: Unwinder): Unwinder {
  return { ...unwinder, backtrace: remembering(MOST_KEPT, task => unwinder.backtrace(task)) };
}
