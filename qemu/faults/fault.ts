/**
 * A fault of the capture, as data: how its image or its machine differs from the stock one, and what must be true
 * afterwards. kdumpling itself has no switch for any of this.
 */
import { basename } from 'node:path';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { FFI_FILE } from '../../capture/options/runtime.ts';
import type { CaptureOptions } from '../../capture/options/schema.ts';
import type { Layout } from '../../initrd/layouts.ts';
import type { DiskKind } from '../disks/boot-disk.ts';
import type { MakeSecondDisk } from '../disks/second-disk.ts';
import type { Expectation } from '../expect/check.ts';
import type { NotOn } from '../kernel/misfit.ts';
import type { DialogueStep } from '../machine/dialogue.ts';

export interface Fault {
  readonly name: string;
  /** One line for --list. */
  readonly help: string;
  /** Replaces the capture program: another entry file (bundles/), or a line put before the real one. */
  readonly bundle?: { readonly entry: string } | { readonly firstLine: string };
  /** Replaces the autopsy program with another entry file (bundles/). */
  readonly autopsy?: string;
  /** Shell lines of the early stage that run just before it starts Node. */
  readonly beforeNode?: string;
  /** Where Node is: in the image (the default), or on the disk. */
  readonly layout?: Layout;
  /** Leaves the runtime image off the boot disk, on which the packages put it. */
  readonly withoutRuntimeOnDisk?: true;
  /** Options baked into the image. */
  readonly options?: Partial<CaptureOptions>;
  /** Words for the first kernel's command line, of which the crash kernel's is made. */
  readonly kernelWords?: readonly string[];
  /** Words for the first kernel's alone. */
  readonly firstKernelWords?: readonly string[];
  /** Words for the crash kernel's command line. */
  readonly crashWords?: readonly string[];
  /** Shell commands of the first kernel before it loads the crash kernel. */
  readonly beforeArming?: string;
  /** Shell commands of the first kernel between arming and the trigger. The function gets the boot disk's image. */
  readonly beforeCrash?: string | ((image: string) => Promise<string>);
  /** Overrides parts of the boot disk that was asked for. */
  readonly disk?: Partial<DiskKind>;
  /** More options of the boot disk's -drive. */
  readonly driveOptions?: string;
  readonly secondDisk?: MakeSecondDisk;
  /** QEMU writes out the machine's memory when the capture begins. */
  readonly takesGuestRam?: boolean;
  /** Overrides the reservation that was asked for; a memory geometry's own goes before it. */
  readonly crashkernel?: string;
  /** Overrides the number of CPUs that was asked for. */
  readonly cpus?: number;
  readonly notOn?: NotOn;
  /** It is judged by the plain crash: a trigger's module changes what it compares. */
  readonly isPlain?: true;
  /** What it finds depends on the kernel: the full matrix has it on several. */
  readonly isAboutKernel?: true;
  /** Overrides the kernel that was asked for: one with the driver that this fault needs. */
  readonly kernel?: KernelChoice;
  /** Takes `console=` off the crash kernel's command line. */
  readonly withoutConsole?: boolean;
  /** More QEMU options. */
  readonly devices?: readonly string[];
  /** A hardware watchdog that the first kernel starts and feeds until it crashes. */
  readonly watchdog?: { readonly drivers: readonly string[]; readonly seconds: number };
  /** Number of crashes; 1 by default. */
  readonly crashes?: number;
  readonly dialogue?: readonly DialogueStep[];
  readonly expectations: readonly Expectation[];
}

/** Replaces the capture program with one that does something bad when a phase begins, or in `mid-dump` or `mid-triage`. */
export function doAt(phase: string, deed: string, ...words: string[]): Pick<Fault, 'bundle' | 'crashWords'> {
  return {
    bundle: { entry: 'qemu/faults/bundles/at-phase.ts' },
    crashWords: [`lab.at=${phase}`, `lab.do=${deed}`, ...words],
  };
}

/** A capture program beside which busybox copies /proc/vmcore. */
export const RAW_COPY_BUNDLE = { entry: 'qemu/faults/bundles/raw-copy.ts' } as const;

/** For `beforeNode`: what is in the FFI's place is no addon. */
export const WITHOUT_FFI = `$bb rm /${basename(FFI_FILE)} && echo 'not an addon' > /${basename(FFI_FILE)}`;

/** The machine's clock was never set. */
export const CLOCK_1970 = ['-rtc', 'base=1970-01-01T00:00:00'];
