/** Variables of the kernel that are one number. */
import type { DeadKernel } from '../kernel.ts';

type Readable = Pick<DeadKernel, 'memory' | 'symbols'>;

/** An `unsigned long` or an atomic_long_t. @throws AutopsyError NO_SYMBOL, KernelError */
export function longVariable({ memory, symbols }: Readable, name: string): number {
  return Number(BigInt.asIntN(64, memory.u64(symbols.require(name), name)));
}

/** An `int`. @throws AutopsyError NO_SYMBOL, KernelError */
export function intVariable({ memory, symbols }: Readable, name: string): number {
  return memory.u32(symbols.require(name), name) | 0;
}

/**
 * Whether the kernel has it: variables come with configuration options.
 * @throws AutopsyError NO_SYMBOL where no variable has a symbol: what such a kernel has is not known.
 */
export function hasVariable({ symbols }: Readable, name: string): boolean {
  if (symbols.address(name) !== undefined) return true;
  symbols.require(ANY_VARIABLE);
  return false;
}

/** All kernels have it, and none exports it to modules: where it is known, kallsyms has the variables. */
export const ANY_VARIABLE = 'panic_cpu';
