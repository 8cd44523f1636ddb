/**
 * The caller of a function that was interrupted outside of its frame record. A function that calls none makes no record, and
 * the others make theirs at the beginning and undo it at the end: the return address is then in the link register, x30, and the
 * frame pointer is the caller's (AAPCS64). Behind the first call that a function makes, x30 holds an address of its own.
 */
import type { DeadKernel } from '../kernel.ts';
import type { Registers } from './frame.ts';

/** What the compiler puts behind the name for the part of a function that seldom runs: the same function (GCC, LLVM). */
const COLD = /\.cold(?:\.\d+)?$/;

/**
 * @param inRecord the return address in the record that x29 leads to.
 * @returns undefined where x30 is no caller that is missing in the records.
 */
export function callerByLink(
  symbols: Pick<DeadKernel['symbols'], 'at' | 'isText'>,
  { pc, x30 }: Registers,
  plain: (address: bigint) => bigint,
  inRecord: bigint,
): bigint | undefined {
  if (pc === undefined || !x30) return undefined;
  const link = plain(x30);
  if (link === inRecord || !symbols.isText(link) || !symbols.isText(pc)) return undefined;
  // The address behind a call may be that of the next function.
  const functions = [symbols.at(pc), symbols.at(link - 1n)].map(symbol => symbol?.name.replace(COLD, ''));
  return functions[0] === functions[1] ? undefined : link;
}
