/** The tasks, stacks, modules, mounts and open files of a dump, in the words that a guest's files in /proc are put into. */
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { readModuleList } from '../../../capture/autopsy/module-list.ts';
import type { Findings } from '../../../capture/autopsy/problems.ts';
import type { StateWord } from '../../../capture/autopsy/tasks/state.ts';
import { readTasks, type Task } from '../../../capture/autopsy/tasks/tasks.ts';
import type { Frame } from '../../../capture/autopsy/unwind/frame.ts';
import { openUnwinder } from '../../../capture/autopsy/unwind/unwinder.ts';
import { readMounts } from '../../../capture/autopsy/vfs/mounts.ts';
import { readProcessFiles } from '../../../capture/autopsy/vfs/open-files.ts';
import { isBelowRoot } from './below-root.ts';
import type { DumpedStack } from './stacks.ts';
import * as tables from './tables.ts';
import type { DumpedTask } from './tasks.ts';

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

/** In the guest's words. */
export interface Dumped {
  readonly tasks: readonly DumpedTask[];
  readonly panicPid: number | undefined;
  readonly stacks: readonly DumpedStack[];
  readonly modules: readonly string[];
  readonly mounts: readonly string[];
  readonly links: readonly string[];
}

export function readDumped(kernel: DeadKernel): Dumped {
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
