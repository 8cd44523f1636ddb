/**
 * All steps of an unwinding. Each goes up its stack, or to a stack where the unwinding has not been: a damaged stack ends it
 * and cannot keep it going.
 */

import { describeError, Failure } from '../../errors.ts';
import { hex } from '../hex.ts';
import { type Stack, stackAt } from '../tasks/stacks.ts';
import type { Cursor, Step } from './cursor.ts';
import type { BacktraceEnd, FrameKind, Registers } from './frame.ts';

/** A frame before its symbol is looked up. */
export interface WalkedFrame {
  readonly address: bigint;
  readonly sp: bigint;
  readonly kind: FrameKind;
  readonly reliable: boolean;
  /** See `Cursor.isExact`. */
  readonly isExact: boolean;
  readonly stack?: Stack;
  readonly registers?: Registers;
}

export interface Walk {
  readonly frames: readonly WalkedFrame[];
  readonly end: BacktraceEnd;
  /** Where it stopped; undefined when it is whole. */
  readonly last?: Cursor;
}

/** The upper half of all addresses is the kernel's, on x86-64 and arm64. A frame that was overwritten has others. */
const KERNEL_START = 1n << 63n;
/** More than fit on a kernel stack. */
const MOST_FRAMES = 1024;

/** @param first the frame of `from`. */
export function walk(
  step: (cursor: Cursor) => Step,
  stacks: readonly Stack[],
  from: Cursor,
  first: WalkedFrame,
): Walk {
  const frames = [first];
  const left = new Set<Stack>();
  let { stack } = first;
  let cursor = from;
  const stopped = (why: string): Walk => ({ frames, end: { end: 'stopped', why }, last: cursor });

  for (;;) {
    const next = attemptStep(step, cursor);
    if (next.to === 'nowhere') return stopped(next.why);
    if (next.to === 'end') return { frames, end: { end: 'whole' } };
    if (next.to === 'user') {
      const { registers } = next;
      const address = registers.ip ?? registers.pc ?? 0n;
      frames.push({
        address,
        sp: registers.sp ?? 0n,
        kind: 'user',
        reliable: true,
        isExact: true,
        registers,
      });
      return { frames, end: { end: 'whole' } };
    }
    if (frames.length === MOST_FRAMES) return stopped(`the stack has more than ${MOST_FRAMES} frames`);
    const { sp, ip } = next.cursor;
    if (next.to === 'call' && ip < KERNEL_START)
      return stopped(`its return address ${hex(ip)} is no kernel address`);
    if (next.to === 'exception' && sp < KERNEL_START) {
      // The first instructions of a system call still have the stack of user mode (Linux arch/x86/entry/entry_64.S).
      const { registers } = next;
      frames.push({ address: ip, sp, kind: 'exception', reliable: true, isExact: true, registers });
      return { frames, end: { end: 'whole' } };
    }
    const arrived = stackAt(stacks, sp);
    if (!arrived) return stopped(`its caller's stack pointer ${hex(sp)} is on no stack of this task`);
    if (arrived !== stack) {
      if (stack) left.add(stack);
      if (left.has(arrived)) return stopped(`the ${arrived.name} stack was left and is entered again`);
    } else if (sp < cursor.sp || (sp === cursor.sp && !cursor.registers)) {
      // A function that was interrupted may have put nothing on the stack.
      return stopped(`its caller's stack pointer ${hex(sp)} is not above its own`);
    }
    stack = arrived;
    frames.push(
      next.to === 'call'
        ? {
            address: ip,
            sp: next.slot,
            kind: 'call',
            reliable: !next.isGuess,
            isExact: next.cursor.isExact,
            stack,
          }
        : {
            address: ip,
            sp,
            kind: 'exception',
            reliable: true,
            isExact: true,
            stack,
            registers: next.registers,
          },
    );
    cursor = next.cursor;
  }
}

function attemptStep(step: (cursor: Cursor) => Step, cursor: Cursor): Step {
  try {
    return step(cursor);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { to: 'nowhere', why: describeError(error) };
  }
}
