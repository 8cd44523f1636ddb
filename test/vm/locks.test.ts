/** Kernel threads that wait for one another's locks (the trigger "deadlock"): who waits for whom, as an autopsy finds it. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Series } from '../../build/fetch/kernel-origins.ts';
import { stackWaits } from '../../capture/autopsy/locks/stack-wait.ts';
import { readWaits } from '../../capture/autopsy/locks/waits.ts';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import { readTasks } from '../../capture/autopsy/tasks/tasks.ts';
import { type Lab, withKernel } from '../../qemu/lab/lab.ts';
import { triggerOf } from '../../qemu/lab/options.ts';
import { openDumpFile } from '../../scripts/lib/dumps/open-vmcore.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

/** By the name of the thread: the lock that it waits for, what for, and the thread that holds it (module/kdumpling_lab.c). */
const WAITS = {
  'lab-first': ['mutex', 'lab_second', undefined, 'lab-second'],
  'lab-second': ['mutex', 'lab_first', undefined, 'lab-first'],
  'lab-shared': ['mutex', 'lab_first', undefined, 'lab-first'],
  'lab-reader': ['rwsem', 'lab_shared', 'read', 'lab-shared'],
  'lab-writer': ['rwsem', 'lab_shared', 'write', 'lab-shared'],
};
/** Before and with the records of blocked tasks in the kernel, and lists of waiters with and without a head. */
const SERIES: readonly Series[] = ['6.1', '6.12', '7.x'];

describe.skipIf(!process.env[FULL_LAB_VARIABLE])('a deadlock', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openTestLab();
  });

  test.each(SERIES)('on %s', async series => {
    const choice = { ...lab.choice, trigger: triggerOf('deadlock') };
    const crashed = await withKernel({ ...lab, choice }, { series, flavour: 'cloud' });
    const verdict = await crashWithFault(crashed, 'none');
    expect(broken(verdict)).toEqual([]);
    expect(waitsIn(join(verdict.run.dumps[0]!, 'vmcore'))).toEqual({
      waits: WAITS,
      circles: [['lab-first', 'lab-second']],
      problems: [],
    });
  });
});

/** Of the lab's threads. */
function waitsIn(path: string): unknown {
  const file = openDumpFile(path, 'judge it');
  try {
    const kernel = openAutopsy(file.vmcore);
    const { tasks } = readTasks(kernel);
    const nameOf = (address: bigint) => tasks.find(task => task.address === address)?.comm;
    const { found, problems } = readWaits(kernel, tasks);
    // Also where the kernel has recorded what they wait for.
    const onStack = stackWaits(kernel, tasks);
    for (const { task, wait } of found.waiting) if (wait) expect(onStack(task)).toEqual(wait);
    const waits = found.waiting
      .filter(({ task }) => task.comm.startsWith('lab-'))
      .map(({ task, wait, holder }) => [
        task.comm,
        [
          wait?.kind,
          wait && kernel.symbols.at(wait.lock)?.name,
          wait?.wants,
          holder?.by === 'task' ? nameOf(holder.task) : holder?.by,
        ],
      ]);
    const circles = found.circles.map(circle => circle.map(({ comm }) => comm));
    return { waits: Object.fromEntries(waits), circles, problems };
  } finally {
    file.close();
  }
}
