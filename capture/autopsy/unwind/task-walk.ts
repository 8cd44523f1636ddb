/** Where the unwinding of a task begins, and how it goes on where the rules end. */

import { describeError, Failure } from '../../errors.ts';
import { hex } from '../hex.ts';
import type { DeadKernel } from '../kernel.ts';
import { type Stack, stackAt, taskStack } from '../tasks/stacks.ts';
import type { DeadCpu } from './cpus.ts';
import type { Cursor } from './cursor.ts';
import type { Registers } from './frame.ts';
import { findCaller, guesses, returnAddresses, type Scanner } from './scan.ts';
import type { UnwindArch } from './unwind-arch.ts';
import { type Walk, type WalkedFrame, walk } from './walk.ts';

export interface Subject {
  readonly kernel: DeadKernel;
  readonly arch: UnwindArch;
  /** The address of its task_struct. */
  readonly task: bigint;
  /** The CPU that runs it; undefined for a task that does not run. */
  readonly cpu: DeadCpu | undefined;
  /** That CPU panicked. */
  readonly panicked: boolean;
}

/** Throws nothing for what is damaged. */
export function walkTask(subject: Subject): Walk {
  try {
    const stack = taskStack(subject.kernel, subject.task);
    if (!stack) return nothing('its kernel stack is already freed: the task is dead');
    if (subject.cpu) return walkRunning(subject, stack, subject.cpu);
    if (wasOnCpu(subject)) return nothing('it was on a CPU whose registers are not known');
    return walkSleeping(subject, stack);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return nothing(describeError(error));
  }
}

/** What such a task saved when it last slept is old. (kernel/sched/core.c, prepare_task(), finish_task(); CONFIG_SMP) */
function wasOnCpu({ kernel: { fields, types }, task }: Subject): boolean {
  return types.has('task_struct.on_cpu') && fields.number(task, 'task_struct.on_cpu') !== 0;
}

function walkSleeping({ kernel, arch, task }: Subject, stack: Stack): Walk {
  const { cursor, slot } = arch.sleeping(task);
  if (stackAt([stack], cursor.sp) === undefined) {
    return nothing(`its saved stack pointer ${hex(cursor.sp)} is not on its stack`);
  }
  return walkOn({ kernel, arch, stacks: [stack] }, cursor, {
    ...frameOf(cursor, stack),
    sp: slot,
    kind: 'call',
  });
}

function walkRunning({ kernel, arch, panicked }: Subject, own: Stack, { cpu, registers }: DeadCpu): Walk {
  const ground = { kernel, arch, stacks: [own, ...arch.cpuStacks(cpu)] };
  const fromKexec = panicked ? walkFromKexec(ground, registers) : undefined;
  if (fromKexec) return fromKexec;
  if (!registers)
    return nothing(`CPU ${cpu}, which runs it, left no registers: it did not stop at the panic`);
  const cursor = arch.cursorOf(registers);
  const first = { ...frameOf(cursor, stackAt(ground.stacks, cursor.sp)), registers };
  if (arch.isUserMode(registers)) return { frames: [{ ...first, kind: 'user' }], end: { end: 'whole' } };
  if (first.stack) return walkOn(ground, cursor, first);
  const why = `its stack pointer ${hex(cursor.sp)} is on no stack of this task or CPU`;
  return { frames: [first], end: { end: 'stopped', why } };
}

/** What a walk may use. */
interface Ground {
  readonly kernel: DeadKernel;
  readonly arch: UnwindArch;
  readonly stacks: readonly Stack[];
}

/** The last calls first: machine_kexec jumps into the crash kernel, __crash_kexec calls it (kernel/crash_core.c). */
const KEXEC_FUNCTIONS = ['machine_kexec', '__crash_kexec'];
/** There is one; more are damage. */
const MOST_ENTRIES = 8;

/**
 * The registers of the CPU that panicked are older than its last calls. Those are found from the function that jumped into
 * the crash kernel, when the way from there passes the registers.
 */
function walkFromKexec(ground: Ground, registers: Registers | undefined): Walk | undefined {
  const { arch, stacks } = ground;
  const { symbols } = ground.kernel;
  const saved = registers && arch.cursorOf(registers);
  const scanner = scannerOf(ground);
  for (const name of KEXEC_FUNCTIONS) {
    let tried = 0;
    for (const stack of stacks) {
      for (const { slot, address } of returnAddresses(scanner, stack.start, stack.end)) {
        if (symbols.at(address - 1n)?.name !== name || ++tried > MOST_ENTRIES) continue;
        const cursor = { ip: address, sp: slot + 8n, isExact: false };
        const first: WalkedFrame = { ...frameOf(cursor, stack), sp: slot, kind: 'call' };
        const walked = walkOn(ground, cursor, first, saved?.bp);
        if (walked.end.end === 'whole' && (!saved || passes(ground.kernel, walked, saved.ip))) return walked;
      }
    }
  }
  return undefined;
}

/**
 * Whether the frames pass the instruction that the saved registers are of: as one that was interrupted, or in the function
 * that was about to call machine_kexec. There the saved address need not be one that was executed.
 */
function passes({ symbols }: DeadKernel, { frames }: Walk, ip: bigint): boolean {
  const own = symbols.at(ip)?.address;
  return frames.some(({ kind, address }) =>
    kind === 'exception' ? address === ip : own !== undefined && symbols.at(address - 1n)?.address === own,
  );
}

/**
 * Where the rules end, the caller is looked for on the rest of the stack. __crash_kexec is always such a place:
 * STACK_FRAME_NON_STANDARD keeps it out of the tables.
 * @param bp to go on with where the one that the walk knows leads nowhere.
 */
function walkOn(ground: Ground, from: Cursor, first: WalkedFrame, bp?: bigint): Walk {
  const { arch, stacks, kernel } = ground;
  const scanner = scannerOf(ground);
  let walked = walk(arch.step, stacks, from, first);
  for (let searches = 0; searches < MOST_SEARCHES; searches++) {
    const { last } = walked;
    const stack = last && stackAt(stacks, last.sp);
    if (!last || !stack || !arch.callBefore) return walked;
    const found = findCaller(scanner, stack, {
      sp: last.sp,
      bps: [...new Set([last.bp, bp])],
      function: kernel.symbols.at(last.isExact ? last.ip : last.ip - 1n)?.address,
    });
    if (!found) return { ...walked, frames: [...walked.frames, ...guesses(scanner, stack, last.sp)] };
    walked = { ...found, frames: [...walked.frames, ...found.frames] };
  }
  return walked;
}

/** __crash_kexec, and a frame that was overwritten; more are damage. */
const MOST_SEARCHES = 4;

function scannerOf({ kernel, arch, stacks }: Ground): Scanner {
  return {
    words: arch.words,
    leastHigh: kernel.memory.arch.pointers.imageHigh,
    callBefore: address => (kernel.symbols.isText(address) ? arch.callBefore?.(address) : undefined),
    walk: (from, first) => walk(arch.step, stacks, from, first),
  };
}

function frameOf({ ip, sp, isExact }: Cursor, stack: Stack | undefined): WalkedFrame {
  return { address: ip, sp, kind: 'exception', reliable: true, isExact, stack };
}

function nothing(why: string): Walk {
  return { frames: [], end: { end: 'stopped', why } };
}
