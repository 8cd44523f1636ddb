/**
 * Stacks that the guest's kernel unwound while it ran, against those in its dump: /proc/PID/stack, which leaves the scheduler's
 * functions out (in_sched_functions() in kernel/sched/core.c), and what sysrq-t printed.
 */
import { printedFrame } from '../printed-stack.ts';
import type { Agreement } from './view.ts';

/** A stack of the dump, innermost first. */
export interface DumpedStack {
  readonly pid: number;
  readonly comm: string;
  readonly frames: readonly DumpedFrame[];
}

export interface DumpedFrame {
  /** `name+0xOFFSET [module]` */
  readonly text: string;
  /** In the section of the scheduler's functions. */
  readonly isScheduler: boolean;
}

export interface GuestStack {
  readonly pid: number;
  readonly frames: readonly string[];
}

/** @param guests as /proc/PID/stack shows them, without those that are empty. */
export function compareProcStacks(guests: readonly GuestStack[], ours: readonly DumpedStack[]): Agreement {
  const outer = ours.map(({ frames, ...task }) => {
    const first = frames.findIndex(({ isScheduler }) => !isScheduler);
    return { ...task, frames: first < 0 ? [] : frames.slice(first) };
  });
  return compareStacks(guests, outer);
}

/** @param guests as sysrq-t prints them. */
export function compareStacks(guests: readonly GuestStack[], ours: readonly DumpedStack[]): Agreement {
  const known = new Map(ours.map(stack => [stack.pid, stack]));
  let frames = 0;
  const differences = guests.flatMap(({ pid, frames: theirs }) => {
    frames += theirs.length;
    const stack = known.get(pid);
    if (!stack) return [`PID ${pid} has no stack`];
    const read = stack.frames.map(({ text }) => text);
    return read.join() === theirs.join()
      ? []
      : [`PID ${pid} (${stack.comm}): ${read.join(' < ')}; the guest had ${theirs.join(' < ')}`];
  });
  return { compared: guests.length, differences, notes: [`${frames} frames`] };
}

/** `task:sh state:S stack:0 pid:91 ppid:1 flags:0x…`; `tgid:` since v6.9; blanks behind the colons until v5.17. */
const TASK = /^task:.*\sstate:(\S).*\bpid:\s*(\d+)\s/;
const TIME = /^\[\s*\d+\.\d+\] ?/;

/** The stacks that sysrq-t printed of tasks that slept, without the frames that the kernel marks as unsure. */
export function sysrqStacks(log: readonly string[]): GuestStack[] {
  const begin = log.findLastIndex(line => /sysrq: Show State$/.test(line));
  const stacks: { pid: number; frames: string[] }[] = [];
  let open: string[] | undefined;
  for (const line of begin < 0 ? [] : log.slice(begin)) {
    const text = line.replace(TIME, '');
    const [, state, pid] = TASK.exec(text) ?? [];
    if (state !== undefined) {
      open = state === 'R' ? undefined : [];
      if (open) stacks.push({ pid: Number(pid), frames: open });
      continue;
    }
    // The frames of a trace are indented; what is not, ends it.
    const frame = text.startsWith(' ') ? printedFrame(text.trim()) : undefined;
    if (frame !== undefined) open?.push(frame);
    else if (!text.startsWith(' ') && open && open.length > 0) open = undefined;
  }
  return stacks.filter(({ frames }) => frames.length > 0);
}
