/** Variables of the kernel that are one number. */
import type { DeadKernel } from '../kernel.ts';

type Readable = Pick<DeadKernel, 'memory' | 'symbols'>;

/** An `unsigned long` or an atomic_long_t; undefined where the kernel has no such variable. @throws KernelError */
export function longVariable({ memory, symbols }: Readable, name: string): number | undefined {
  const address = symbols.address(name);
  return address === undefined ? undefined : Number(BigInt.asIntN(64, memory.u64(address, name)));
}

/** The same for an `int`. */
export function intVariable({ memory, symbols }: Readable, name: string): number | undefined {
  const address = symbols.address(name);
  return address === undefined ? undefined : memory.u32(address, name) | 0;
}
