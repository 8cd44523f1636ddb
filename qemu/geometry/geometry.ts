/**
 * A shape of the machine's memory, as data: what QEMU and the first kernel do to get it, and what must be true of the
 * run. It combines with any kernel and any fault.
 */
import type { Expectation } from '../expect/check.ts';
import type { Misfit, NotOn } from '../kernel/misfit.ts';

export interface Geometry {
  readonly name: string;
  /** One line for --list. */
  readonly help: string;
  /** Overrides --memory. */
  readonly memoryMib?: number;
  /** Overrides --crashkernel. */
  readonly crashkernel?: string;
  /** Overrides --nodes. */
  readonly nodes?: number;
  readonly misfit?: Misfit;
  readonly notOn?: NotOn;
  /** Words for the first kernel's command line. */
  readonly kernelWords?: readonly string[];
  /** Words for the crash kernel's command line. */
  readonly crashWords?: readonly string[];
  /** Boots by UEFI, not by a BIOS. */
  readonly uefi?: true;
  /** More QEMU options. */
  readonly devices?: readonly string[];
  /** Modules for the first kernel. */
  readonly drivers?: readonly string[];
  /** Shell commands of the first kernel before it loads the crash kernel. */
  readonly beforeArming?: string;
  readonly expectations: readonly Expectation[];
}
