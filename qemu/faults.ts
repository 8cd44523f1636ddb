/**
 * What the lab can make go wrong in the capture, as data: how the image differs from the real one, and what must be
 * true afterwards. The product has no switch for any of this; a fault is another bundle or another image.
 */
import type { CaptureOptions } from '../capture/options.ts';
import type { Layout } from '../initrd/image.ts';
import type { DialogueStep } from './dialogue.ts';
import type { DiskKind } from './disks/boot-disk.ts';
import type { MakeSecondDisk } from './disks/second-disk.ts';
import type { Expectation } from './expectations.ts';
import * as expect from './expectations.ts';
import { DISK_KINDS } from './faults/disk-kinds.ts';
import { LEAN_FAULTS } from './faults/lean.ts';
import { SPACE_FAULTS } from './faults/space.ts';
import { TARGET_FAULTS } from './faults/target.ts';
import { WATCH_FAULTS } from './faults/watch.ts';
import { judgeGuestRam } from './judges/guest-ram.ts';
import type { KernelChoice } from './packages/kernel-origins.ts';
import { POWER_CUT } from './power-cut/fault.ts';

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

/** No fault: the capture that everything is for. */
export const SOUND: Fault = {
  name: 'none',
  help: 'nothing: the capture works',
  expectations: expect.SOUND_CAPTURE,
};

export const FAULTS: readonly Fault[] = [
  SOUND,
  {
    name: 'throw-at-load',
    help: 'the bundle dies at its first line',
    bundle: { firstLine: "throw new Error('lab fault: thrown at the first line');" },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('the serial log says why', /lab fault: thrown at the first line/),
      expect.says('the kernel takes over', /Kernel panic - not syncing: Attempted to kill init!/),
    ],
  },
  {
    name: 'out-of-memory',
    help: 'the capture program eats all memory in mid-dump',
    bundle: { entry: 'qemu/faults/out-of-memory.ts' },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /Out of memory|out_of_memory|heap out of memory|deadlocked on memory/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'deadline',
    help: 'the overall deadline passes in mid-dump',
    bundle: { entry: 'qemu/faults/slow-dump.ts' },
    crashWords: ['kdumpling.deadlineSeconds=30', 'kdumpling.dumpLevel=1'],
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: end: NOT saved: dump: Cannot go on with the phase dump: .*30 s are over/,
      ),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
  {
    name: 'no-ffi',
    help: 'the FFI does not load: everything goes by its second way',
    withoutFfi: true,
    expectations: [
      expect.says(
        'the serial log says that it is missing',
        /kdumpling: system: warning: Cannot open the FFI/,
      ),
      ...SOUND.expectations,
    ],
  },
  {
    name: 'raw-copy',
    help: 'nothing; a raw copy of /proc/vmcore is kept, and a dump of it must be the captured one',
    bundle: { entry: 'qemu/faults/raw-copy.ts' },
    expectations: [...SOUND.expectations, expect.sameAsFileMode],
  },
  ...WATCH_FAULTS,
  ...LEAN_FAULTS,
  ...TARGET_FAULTS,
  {
    name: 'guest-ram',
    help: 'nothing; what was captured is held against the memory that QEMU sees, and QEMU’s own dumps are dumped',
    takesGuestRam: true,
    expectations: [...SOUND.expectations, judgeGuestRam],
  },
  ...SPACE_FAULTS,
  POWER_CUT,
  ...DISK_KINDS,
];
