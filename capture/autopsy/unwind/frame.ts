/** What a backtrace is: the frames of one kernel stack, innermost first, and how far they could be followed. */
import type { StackName } from '../tasks/stacks.ts';

/**
 * The values that the members of `struct pt_regs` have, by the kernel's names: `ip`, `sp`, `ax` … on x86, `pc`, `sp`, `x0`
 * … on arm64. A register that was not saved is missing.
 */
export type Registers = Readonly<Record<string, bigint>>;

/**
 * - `call`: `address` is a return address, or where a task that does not run continues.
 * - `exception`: `address` was interrupted, by an interrupt, an NMI or an exception.
 * - `user`: the kernel was entered from here; the last frame.
 */
export type FrameKind = 'call' | 'exception' | 'user';

export interface Frame {
  readonly address: bigint;
  /** Of a call: where its return address is on the stack. Else the stack pointer at `address`. */
  readonly sp: bigint;
  /** Undefined for an address outside of the kernel and its modules. */
  readonly symbol?: string;
  /** Of `address` from the symbol's beginning, in bytes. */
  readonly offset?: number;
  /** Of the symbol. */
  readonly sizeBytes?: number;
  /** Undefined for vmlinux. */
  readonly module?: string;
  /** False where it is only likely that the frame is one: the kernel prints a `?` there. */
  readonly reliable: boolean;
  readonly kind: FrameKind;
  /** The stack that `sp` is on; undefined for a user-mode frame. */
  readonly stack?: StackName;
  /** Of an exception or user frame, as far as they were saved. */
  readonly registers?: Registers;
}

/** `whole`: the frames go on to the entry from user mode or to the function that the kernel thread began with. */
export type BacktraceEnd = { readonly end: 'whole' } | { readonly end: 'stopped'; readonly why: string };

export type Backtrace = { readonly frames: readonly Frame[] } & BacktraceEnd;
