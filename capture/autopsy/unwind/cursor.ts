/** A place in an unwinding: what is known about the CPU's registers in one frame. */
import type { Registers } from './frame.ts';

export interface Cursor {
  readonly ip: bigint;
  readonly sp: bigint;
  /** Undefined when it is not known. */
  readonly bp?: bigint;
  /** All registers at `ip`, where they were saved. Calls lose them. */
  readonly registers?: Registers;
  /** `ip` is the instruction itself and not the one behind a call: it was interrupted, or has not run yet. */
  readonly isExact: boolean;
}

/**
 * One step to the caller.
 * - `call`: `slot` is where the return address is.
 * - `exception`: the frame's code was entered by an exception; `registers` are those of what it interrupted.
 * - `user`: the frame's code was entered from user mode.
 */
export type Step =
  | { readonly to: 'call'; readonly cursor: Cursor; readonly slot: bigint; readonly isGuess: boolean }
  | { readonly to: 'exception'; readonly cursor: Cursor; readonly registers: Registers }
  | { readonly to: 'user'; readonly registers: Registers }
  | { readonly to: 'end' }
  | { readonly to: 'nowhere'; readonly why: string };
