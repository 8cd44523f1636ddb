/** The autopsy of a dump against what the guest's own kernel said a moment before it crashed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeadKernel } from '../../capture/autopsy/kernel.ts';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import { openDumpFile } from '../../scripts/lib/dumps/open-vmcore.ts';
import { readDumped } from '../judges/guest-view/dumped.ts';
import { readDumpedMemory } from '../judges/guest-view/dumped-memory.ts';
import { compareMemory } from '../judges/guest-view/memory.ts';
import { compareProcStacks, compareStacks, sysrqStacks } from '../judges/guest-view/stacks.ts';
import * as tables from '../judges/guest-view/tables.ts';
import { compareTasks, guestTasks, unmoved } from '../judges/guest-view/tasks.ts';
import { type Agreement, compareRows, type GuestView, readGuestView } from '../judges/guest-view/view.ts';
import type { CrashRun } from '../run/run.ts';
import type { Check, Expectation } from './check.ts';

const WHAT = 'the autopsy says what the guest said before it crashed';

export const asGuestSaw: Expectation = ({ dumps, lines }: CrashRun) => {
  const view = readGuestView(lines.map(({ text }) => text));
  const vmcore = join(dumps[0] ?? '', 'vmcore');
  if (!view || !existsSync(vmcore))
    return [{ what: WHAT, holds: false, saw: view ? 'no dump' : 'the guest did not print all of it' }];
  const file = openDumpFile(vmcore, 'compare it with the guest');
  try {
    const log = readFileSync(join(dumps[0]!, 'vmcore-dmesg.txt'), 'utf8').split('\n');
    return agreementChecks(openAutopsy(file.vmcore), view, log);
  } finally {
    file.close();
  }
};

/** @param log the kernel log, with what sysrq-t wrote into it. */
export function agreementChecks(kernel: DeadKernel, view: GuestView, log: readonly string[]): Check[] {
  const dumped = readDumped(kernel);
  const memory = compareMemory(view, readDumpedMemory(kernel));
  const guests = guestTasks(view);
  const known = new Set(guests.map(({ pid }) => pid));
  const still = unmoved(guests, dumped.tasks);
  const stillPids = new Set(still.map(({ pid }) => pid));
  const slept = sysrqStacks(log).filter(({ pid }) => stillPids.has(pid));
  // Workers come and go, and the task that crashed opens what it crashes by.
  const lasting = new Set(
    dumped.tasks.map(({ pid }) => pid).filter(pid => known.has(pid) && pid !== dumped.panicPid),
  );
  const ofLasting = (rows: readonly string[]) => rows.filter(row => lasting.has(tables.pidOfLink(row)));
  return [
    check('tasks', 50, compareTasks(guests, dumped.tasks)),
    check(
      '/proc/PID/stack',
      40,
      compareProcStacks(
        still.filter(({ stack }) => stack.length > 0).map(({ pid, stack }) => ({ pid, frames: stack })),
        dumped.stacks,
      ),
    ),
    check('stacks by sysrq-t', 40, compareStacks(slept, dumped.stacks)),
    // Linux 7.x for the cloud has all built in but virtio_blk.
    check('modules', 1, compareRows(tables.guestModules(view), dumped.modules)),
    check('mounts', 6, compareRows(tables.guestMounts(view), dumped.mounts)),
    check('open files', 20, compareRows(ofLasting(tables.guestLinks(view)), ofLasting(dumped.links))),
    check('slab caches', 500, memory.slab),
    // Of one zone, as on arm64.
    check('zones', 19, memory.zones),
    check('meminfo', 40, memory.meminfo),
  ];
}

function check(what: string, least: number, { compared, differences, notes }: Agreement): Check {
  const few = compared < least ? [`only ${compared} were compared`] : [];
  const wrong = [...few, ...differences];
  return {
    what: `${WHAT}: ${what}`,
    holds: wrong.length === 0,
    saw: wrong.join('; ') || [`${compared} agree`, ...notes].join(', '),
  };
}
