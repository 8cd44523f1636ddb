/** What our own verbs answer, besides what debuggers need: it is asked of the crashed kernel, and what is read is noted. */
import type { Inspection } from '../autopsy/inspection.ts';
import type { DeadKernel } from '../autopsy/kernel.ts';
import { readHugePages } from '../autopsy/memory/hugetlb.ts';
import { readSlabCaches } from '../autopsy/memory/slab.ts';
import type { Task, TaskList } from '../autopsy/tasks/tasks.ts';
import { mountNamespace, readMounts } from '../autopsy/vfs/mounts.ts';
import { fileTables, readProcessFiles } from '../autopsy/vfs/open-files.ts';
import { attempt } from '../errors.ts';
import { byNeed } from './tasks.ts';

type Answer = (kernel: DeadKernel, list: TaskList, inspection: Inspection) => unknown;

export const ANSWERS = {
  memory: (kernel, _, { meminfo }) => [meminfo(), readSlabCaches(kernel), readHugePages(kernel)],
  mounts: (kernel, { tasks }, { paths }) => {
    const some = tasks.slice(0, MOST_WITH_FILES);
    for (const task of firstOfEach(some, ({ address }) => mountNamespace(kernel, address)))
      readMounts(kernel, task.address, paths);
  },
  waits: (_kernel, _list, { waits }) => waits(),
  files: (kernel, list, { paths }) => {
    const some = byNeed(list)
      .filter(({ isKernelThread }) => !isKernelThread)
      .slice(0, MOST_WITH_FILES);
    for (const task of firstOfEach(some, ({ address }) => fileTables(kernel, address)))
      readProcessFiles(kernel, task.address, paths);
  },
} as const satisfies Readonly<Record<string, Answer>>;

/** Tasks whose open files are in the dump. */
const MOST_WITH_FILES = 256;

/** Of tasks that share something, the first; and those of which that cannot be read. */
function* firstOfEach(tasks: readonly Task[], shared: (task: Task) => unknown): Generator<Task> {
  const seen = new Set<unknown>();
  for (const task of tasks) {
    const what = attempt(() => shared(task));
    if (what === undefined || !seen.has(what)) yield task;
    seen.add(what);
  }
}
