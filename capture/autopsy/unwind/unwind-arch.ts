/** What unwinding needs to know of an architecture. */

import type { Stack } from '../tasks/stacks.ts';
import type { Cursor, Step } from './cursor.ts';
import type { Registers } from './frame.ts';
import type { Words } from './words.ts';

/** Where a task that does not run continues, and where on its stack that address is. */
export interface Sleeping {
  readonly cursor: Cursor;
  readonly slot: bigint;
}

export interface UnwindArch {
  readonly words: Words;
  /** @throws KernelError when the stack or a table cannot be read. */
  step(cursor: Cursor): Step;
  /** Beside those of tasks. */
  cpuStacks(cpu: number): readonly Stack[];
  cursorOf(registers: Registers): Cursor;
  isUserMode(registers: Registers): boolean;
  /** @throws AutopsyError, KernelError */
  sleeping(task: bigint): Sleeping;
  /**
   * The call behind which `address` is, undefined when there is none. Not there for an architecture on which callers are
   * never looked for by a scan.
   */
  readonly callBefore?: (address: bigint) => Call | undefined;
}

export interface Call {
  /** Undefined for a call through a register or memory, and where the dump does not hold the code. */
  readonly target?: bigint;
}
