/**
 * A fault of the capture, as data: how its image or machine differs from the real one, and what must be true afterwards.
 * The product has no switch for any of this.
 */

import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import type { CaptureOptions } from '../../capture/options/schema.ts';
import type { Layout } from '../../initrd/image.ts';
import type { DiskKind } from '../disks/boot-disk.ts';
import type { MakeSecondDisk } from '../disks/second-disk.ts';
import type { Expectation } from '../expect/expectations.ts';
import type { DialogueStep } from '../machine/dialogue.ts';

export interface Fault {
  readonly name: string;
  readonly help: string;
  /** What replaces the bundle: another file to begin with, or a first line put before the real one. */
  readonly bundle?: { readonly entry: string } | { readonly firstLine: string };
  /** Leaves the FFI's addon out of the image. */
  readonly withoutFfi?: boolean;
  /** Where Node lies; in the image without. */
  readonly layout?: Layout;
  /** Puts Node on the boot disk, where a package has it. */
  readonly runtimeOnDisk?: boolean;
  /** Options that are baked into the image. */
  readonly options?: Partial<CaptureOptions>;
  readonly crashWords?: readonly string[];
  /** Shell commands of the first kernel before it loads the crash kernel. */
  readonly beforeArming?: string;
  /** Shell commands that crash the first kernel, having done something to the disk; from the boot disk's image. */
  readonly trigger?: (image: string) => Promise<string>;
  /** Of the boot disk, where it is another than was asked for. */
  readonly disk?: Partial<DiskKind>;
  /** More of the boot disk's drive, as QEMU takes it. */
  readonly driveOptions?: string;
  readonly secondDisk?: MakeSecondDisk;
  /** QEMU is asked for the machine's memory while the capture begins. */
  readonly takesGuestRam?: boolean;
  /** Another kernel than was asked for: one with the driver that this needs. */
  readonly kernel?: KernelChoice;
  /** The crash kernel's command line has no `console=`. */
  readonly withoutConsole?: boolean;
  /** More of QEMU's options. */
  readonly devices?: readonly string[];
  /** A hardware watchdog that the first kernel starts, and feeds until it crashes. */
  readonly watchdog?: { readonly drivers: readonly string[]; readonly seconds: number };
  /** How often the machine crashes before it is left alone; once without. */
  readonly crashes?: number;
  readonly dialogue?: readonly DialogueStep[];
  readonly expectations: readonly Expectation[];
}
