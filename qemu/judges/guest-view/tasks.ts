/**
 * The guest's tasks against those of its dump. A task whose count of switches is the same in both has not run between: all of
 * it must be equal, its stack too. Of the others, what a task keeps for life.
 */
import { printedFrame } from '../printed-stack.ts';
import type { Agreement, GuestView } from './view.ts';
import { linesOf } from './view.ts';

/** Of /proc/PID/task/TID, see proc(5). */
export interface GuestTask {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  /** `S`, `R`, … */
  readonly state: string;
  readonly ppid: number;
  readonly cpu: number;
  /** In KiB; undefined for a kernel thread. */
  readonly virtualKib: number | undefined;
  readonly residentKib: number | undefined;
  /** How often it was switched from. */
  readonly switches: number;
  /** `name+0xOFFSET [module]`, innermost first. */
  readonly stack: readonly string[];
}

/** A task of the dump, in the guest's words. */
export type DumpedTask = Omit<GuestTask, 'stack'> & {
  /**
   * Without what its threads (until v6.2) or the CPUs have not yet added to its counters: until v6.17 /proc shows this, and
   * then `residentKib`.
   */
  readonly addedKib: number | undefined;
  readonly isKernelThread: boolean;
  /** It ran on a CPU. */
  readonly isCurrent: boolean;
};

const STAT = /^(\d+) \((.*)\) (\S) (.*)$/;
/** Behind the state: ppid is the 4th field of stat, processor the 39th (proc(5)). */
const FIELD_AFTER_STATE = 4;
const PROCESSOR = 39;
const FRAME = /^\[<[0-9a-fx]+>\] (.*)$/;

export function guestTasks(view: GuestView): GuestTask[] {
  return [...view.keys()].flatMap(file => {
    const [, tgid, pid] = /^(\d+)\/task\/(\d+)\/stat$/.exec(file) ?? [];
    const [, , comm, state, rest] = STAT.exec(linesOf(view, file)[0] ?? '') ?? [];
    if (tgid === undefined || rest === undefined) return [];
    const fields = rest.split(' ').map(Number);
    const directory = `${tgid}/task/${pid}`;
    const status = linesOf(view, `${directory}/status`);
    const number = (name: string) => {
      const text = status.map(line => line.split(/:\s+/)).find(([head]) => head === name)?.[1];
      return text === undefined ? undefined : Number.parseInt(text, 10);
    };
    const switches = (number('voluntary_ctxt_switches') ?? 0) + (number('nonvoluntary_ctxt_switches') ?? 0);
    return [
      {
        pid: Number(pid),
        tgid: Number(tgid),
        comm: comm!,
        state: state!,
        ppid: fields[0]!,
        cpu: fields[PROCESSOR - FIELD_AFTER_STATE]!,
        virtualKib: number('VmSize'),
        residentKib: number('VmRSS'),
        switches,
        stack: linesOf(view, `${directory}/stack`).flatMap(
          line => printedFrame(FRAME.exec(line)?.[1] ?? '') ?? [],
        ),
      },
    ];
  });
}

/** The tasks that have not run between the two views. */
export function unmoved(guests: readonly GuestTask[], ours: readonly DumpedTask[]): GuestTask[] {
  const known = new Map(ours.map(task => [task.pid, task]));
  return guests.filter(({ pid, switches }) => {
    const dumped = known.get(pid);
    // One that was woken and waits for a CPU is runnable in the dump.
    return dumped && dumped.switches === switches && !dumped.isCurrent && dumped.state !== 'R';
  });
}

const FOR_LIFE = ['pid', 'tgid', 'ppid'] as const;
const UNLESS_IT_RAN = ['state', 'cpu', 'virtualKib'] as const;

export function compareTasks(guests: readonly GuestTask[], ours: readonly DumpedTask[]): Agreement {
  const still = new Set(unmoved(guests, ours).map(({ pid }) => pid));
  const known = new Map(ours.map(task => [task.pid, task]));
  const differences = guests.flatMap(guest => {
    const dumped = known.get(guest.pid);
    if (!dumped) return isWorker(guest.comm) ? [] : [`the dump lacks PID ${guest.pid} (${guest.comm})`];
    const keys = still.has(guest.pid) ? [...FOR_LIFE, ...UNLESS_IT_RAN] : FOR_LIFE;
    const wrong = keys
      .filter(key => guest[key] !== dumped[key])
      .map(key => `${key} ${dumped[key]}, not ${guest[key]}`);
    const residents = [dumped.residentKib, dumped.addedKib];
    if (still.has(guest.pid) && !residents.includes(guest.residentKib))
      wrong.push(`residentKib ${residents.join(' or ')}, not ${guest.residentKib}`);
    if (!isNameOf(dumped, guest.comm)) wrong.push(`name ${dumped.comm}, not ${guest.comm}`);
    return wrong.map(text => `PID ${guest.pid} (${guest.comm}) has ${text}`);
  });
  const latest = Math.max(...guests.map(({ pid }) => pid));
  const before = new Set(guests.map(({ pid }) => pid));
  // PIDs go up: a task with a higher one began after the guest looked.
  const newer = ours.filter(({ pid }) => !before.has(pid));
  const unseen = newer.filter(({ pid }) => pid <= latest);
  const gone = guests.filter(({ pid }) => !known.has(pid));
  return {
    compared: guests.length,
    differences: [
      ...differences,
      ...unseen.map(({ pid, comm }) => `the dump has PID ${pid} (${comm}), the guest had not`),
    ],
    notes: [
      `${still.size} had not run since`,
      ...newer.filter(({ pid }) => pid > latest).map(({ comm }) => `${comm} began later`),
      ...gone.map(({ comm }) => `the worker ${comm} has gone`),
    ],
  };
}

/** Workers come and go as the kernel has work. */
function isWorker(comm: string): boolean {
  return comm.startsWith('kworker/');
}

/** Of a kernel thread /proc adds what a worker does, and has the whole of a name that its task_struct cuts after 15 bytes. */
function isNameOf({ comm, isKernelThread }: DumpedTask, guests: string): boolean {
  if (comm === guests) return true;
  return isKernelThread && (isWorker(comm) || comm.length === 15) && guests.startsWith(comm);
}
