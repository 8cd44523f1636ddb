/** The autopsy of a dump against what the guest's own kernel said a moment before it crashed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeadKernel } from '../../capture/autopsy/kernel.ts';
import { readMeminfo } from '../../capture/autopsy/memory/meminfo.ts';
import { readSlabCaches } from '../../capture/autopsy/memory/slab.ts';
import { readZones } from '../../capture/autopsy/memory/zones.ts';
import { readModuleList } from '../../capture/autopsy/module-list.ts';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import type { Findings } from '../../capture/autopsy/problems.ts';
import type { StateWord } from '../../capture/autopsy/tasks/state.ts';
import { readTasks, type Task } from '../../capture/autopsy/tasks/tasks.ts';
import type { Frame } from '../../capture/autopsy/unwind/frame.ts';
import { openUnwinder } from '../../capture/autopsy/unwind/unwinder.ts';
import { readMounts } from '../../capture/autopsy/vfs/mounts.ts';
import { readProcessFiles } from '../../capture/autopsy/vfs/open-files.ts';
import { openDumpFile } from '../../scripts/lib/dumps/open-vmcore.ts';
import { MEMINFO_MOVES, NOT_IN_MEMINFO, SLAB_MOVES, ZONE_MOVES } from '../judges/guest-view/allowances.ts';
import { isBelowRoot } from '../judges/guest-view/below-root.ts';
import { compareNumbers } from '../judges/guest-view/numbers.ts';
import {
  compareProcStacks,
  compareStacks,
  type DumpedStack,
  sysrqStacks,
} from '../judges/guest-view/stacks.ts';
import * as tables from '../judges/guest-view/tables.ts';
import { compareTasks, type DumpedTask, guestTasks, unmoved } from '../judges/guest-view/tasks.ts';
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
    check('slab caches', 80, compareNumbers(flat(tables.guestSlab(view)), flat(dumped.slab), SLAB_MOVES)),
    check(
      'zones',
      2,
      compareNumbers(flatZones(tables.guestZones(view)), flatZones(dumped.zones), ZONE_MOVES),
    ),
    check(
      'meminfo',
      40,
      compareNumbers(tables.guestMeminfo(view), dumped.meminfo, MEMINFO_MOVES, NOT_IN_MEMINFO),
    ),
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

/** Letters of /proc/PID/stat (task_index_to_char() in include/linux/sched.h). */
const LETTERS: Readonly<Record<StateWord, string>> = {
  RU: 'R',
  IN: 'S',
  UN: 'D',
  ST: 'T',
  TR: 't',
  DE: 'X',
  ZO: 'Z',
  PA: 'P',
  ID: 'I',
  WA: 'R',
  NE: 'R',
  FR: 'D',
  '??': '?',
};
const KIB = 1024;

interface Dumped {
  readonly tasks: readonly DumpedTask[];
  readonly panicPid: number | undefined;
  readonly stacks: readonly DumpedStack[];
  readonly modules: readonly string[];
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly slab: readonly tables.SlabRow[];
  readonly zones: tables.ZoneNumbers;
  readonly meminfo: tables.Numbers;
}

function readDumped(kernel: DeadKernel): Dumped {
  const { tasks, panicTask } = readTasks(kernel);
  // The idle tasks are not in /proc.
  const shown = tasks.filter(({ pid }) => pid !== 0);
  const unwinder = openUnwinder(kernel);
  const init = shown.find(({ pid }) => pid === 1)!;
  return {
    tasks: shown.map(task => dumpedTask(kernel, task)),
    panicPid: panicTask?.pid,
    stacks: shown.map(({ pid, comm, address }) => ({
      pid,
      comm,
      frames: unwinder
        .backtrace(address)
        .frames.filter(({ kind, reliable }) => reliable && kind !== 'user')
        .map(frame => ({ text: frameText(frame), isScheduler: isScheduler(kernel, frame.address) })),
    })),
    modules: sure(readModuleList(kernel)).map(
      ({ base = 0n, references = 0, state = '?', taints = '?', ...row }) =>
        tables.moduleRow({ ...row, base, references, state, taints }),
    ),
    mounts: sure(readMounts(kernel, init.address))
      .filter(({ mount }) => isBelowRoot(kernel, mount, init.address))
      .map(tables.mountRow),
    links: shown.flatMap(task => linksOf(kernel, task)),
    slab: sure(readSlabCaches(kernel)).map(({ name, usage, sizeBytes, objectsPerSlab, slabBytes }) => ({
      name,
      inUse: usage?.inUse ?? Number.NaN,
      objects: usage?.objects ?? Number.NaN,
      sizeBytes,
      objectsPerSlab,
      pagesPerSlab: slabBytes / kernel.memory.arch.pageSizeBytes,
      slabs: usage?.slabs ?? Number.NaN,
    })),
    zones: Object.fromEntries(
      sure(readZones(kernel)).map(
        ({ node, name, free, min, low, high, spanned, present, managed, startPfn, freeBlocks }) => [
          `node ${node} ${name}`,
          {
            free,
            min,
            low,
            high,
            spanned,
            present,
            managed,
            start_pfn: startPfn,
            ...Object.fromEntries(freeBlocks.map((count, order) => [`order ${order}`, count])),
          },
        ],
      ),
    ),
    meminfo: Object.fromEntries(sure(readMeminfo(kernel)).map(({ name, value }) => [name, value])),
  };
}

/** What cannot be read is a difference: the rows are missing. */
function sure<T>({ found }: Findings<T>): T {
  return found;
}

function dumpedTask(kernel: DeadKernel, task: Task): DumpedTask {
  const { fields } = kernel;
  const { address, pid, tgid, comm, state, ppid = -1, cpu, memory, isKernelThread, isCurrent } = task;
  return {
    pid,
    tgid,
    comm,
    state: LETTERS[state],
    ppid,
    cpu,
    virtualKib: memory && memory.virtualBytes / KIB,
    residentKib: memory && memory.residentBytes / KIB,
    addedKib: memory && addedBytes(kernel, address) / KIB,
    switches: fields.number(address, 'task_struct.nvcsw') + fields.number(address, 'task_struct.nivcsw'),
    isKernelThread,
    isCurrent,
  };
}

const RESIDENT = ['MM_FILEPAGES', 'MM_ANONPAGES', 'MM_SHMEMPAGES'];

/** The sum of get_mm_counter() (include/linux/mm.h) over what is resident. */
function addedBytes({ fields, types, memory }: DeadKernel, task: bigint): number {
  const mm = fields.pointer(task, 'task_struct.mm');
  const { offsetBytes, elementBytes = 8 } = types.field('mm_struct.rss_stat');
  // An array of struct percpu_counter since v6.2, and before of atomic_long_t.
  const [base, stride] = types.has('mm_rss_stat.count')
    ? [types.offset('mm_rss_stat.count'), 8]
    : [types.offset('percpu_counter.count'), elementBytes];
  const pages = RESIDENT.map(name => {
    const at = mm + BigInt(offsetBytes + base + stride * types.enumValue(name));
    return Math.max(0, Number(BigInt.asIntN(64, memory.u64(at, name))));
  });
  return pages.reduce((sum, count) => sum + count, 0) * memory.arch.pageSizeBytes;
}

function linksOf(kernel: DeadKernel, { address, pid, tgid }: Task): string[] {
  if (pid !== tgid) return [];
  const { root, cwd, files } = readProcessFiles(kernel, address).found;
  return [
    ...(root === undefined ? [] : [tables.linkRow(pid, 'root', root)]),
    ...(cwd === undefined ? [] : [tables.linkRow(pid, 'cwd', cwd)]),
    ...files.map(({ fd, path = '?' }) => tables.linkRow(pid, fd, path)),
  ];
}

/** In the words of a printed one, which has no more of a name than its first part. */
function frameText({ symbol, address, offset = 0, module }: Frame): string {
  if (symbol === undefined) return address.toString(16);
  const place = `${symbol.replace(/\..*/, '')}+0x${offset.toString(16)}`;
  return module === undefined ? place : `${place} [${module}]`;
}

function isScheduler({ symbols }: DeadKernel, address: bigint): boolean {
  return address >= symbols.require('__sched_text_start') && address < symbols.require('__sched_text_end');
}

/** A number of each cache by a name of its own. Caches of the same name follow each other. */
function flat(caches: readonly tables.SlabRow[]): tables.Numbers {
  const seen = new Map<string, number>();
  return Object.fromEntries(
    caches.flatMap(({ name, ...numbers }) => {
      const times = seen.get(name) ?? 0;
      seen.set(name, times + 1);
      const own = times === 0 ? name : `${name} (${times + 1})`;
      return Object.entries(numbers).map(([key, value]) => [`${own} ${key}`, value]);
    }),
  );
}

function flatZones(zones: tables.ZoneNumbers): tables.Numbers {
  return Object.fromEntries(
    Object.entries(zones).flatMap(([zone, numbers]) =>
      Object.entries(numbers).map(([key, value]) => [`${zone} ${key}`, value]),
    ),
  );
}
