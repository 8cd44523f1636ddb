/** Kernels of Debian's on which a trigger or a memory geometry cannot be had, with the reason and the kernel to take instead. */
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';

export interface Misfit {
  /** Labels: `6.1-cloud`. */
  readonly kernels: readonly string[];
  readonly why: string;
  readonly instead: KernelChoice;
}

/** The first of the things that the kernel does not fit. */
export function misfitOn(label: string, things: readonly { readonly misfit?: Misfit }[]): Misfit | undefined {
  return things.map(({ misfit }) => misfit).find(misfit => misfit?.kernels.includes(label));
}
