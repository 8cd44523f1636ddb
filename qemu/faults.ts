/**
 * What the lab can make go wrong in the capture, as data: how the image differs from the real one, and what must be
 * true afterwards. The product has no switch for any of this; a fault is another bundle or another image.
 */
import type { MakeSecondDisk } from './disks/second-disk.ts';
import type { Expectation } from './expectations.ts';
import * as expect from './expectations.ts';
import { TARGET_FAULTS } from './faults/target.ts';
import { judgeGuestRam } from './judges/guest-ram.ts';

export interface Fault {
  readonly name: string;
  readonly help: string;
  /** What replaces the bundle: another file to begin with, or a first line put before the real one. */
  readonly bundle?: { readonly entry: string } | { readonly firstLine: string };
  /** Leaves the FFI's addon out of the image. */
  readonly withoutFfi?: boolean;
  readonly crashWords?: readonly string[];
  /** Shell commands that crash the first kernel, having done something to the disk; from the boot disk's image. */
  readonly trigger?: (image: string) => Promise<string>;
  /** More of the boot disk's drive, as QEMU takes it. */
  readonly driveOptions?: string;
  readonly secondDisk?: MakeSecondDisk;
  /** Baked into the image, whose modules they need. */
  readonly fallbackTargets?: readonly string[];
  /** QEMU is asked for the machine's memory while the capture begins. */
  readonly takesGuestRam?: boolean;
  readonly expectations: readonly Expectation[];
}

/** No fault: the capture that everything is for. */
export const SOUND: Fault = {
  name: 'none',
  help: 'nothing: the capture works',
  expectations: expect.SOUND_CAPTURE,
};

const incomplete = [expect.armed, expect.cameHome, expect.fileSystemSound, expect.noDumpLooksComplete];

export const FAULTS: readonly Fault[] = [
  SOUND,
  {
    name: 'throw-at-load',
    help: 'the bundle dies at its first line',
    bundle: { firstLine: "throw new Error('lab fault: thrown at the first line');" },
    expectations: [
      ...incomplete,
      expect.says('the serial log says why', /lab fault: thrown at the first line/),
      expect.says('the kernel takes over', /Kernel panic - not syncing: Attempted to kill init!/),
    ],
  },
  {
    name: 'throw-in-dump',
    help: 'an exception in the middle of the dump',
    bundle: { entry: 'qemu/faults/throw-in-dump.ts' },
    expectations: [
      ...incomplete,
      expect.says(
        'the serial log says why',
        /kdumpling: end: NOT saved: dump: Error: lab fault: thrown in mid-dump/,
      ),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
  {
    name: 'out-of-memory',
    help: 'the capture program eats all memory in mid-dump',
    bundle: { entry: 'qemu/faults/out-of-memory.ts' },
    expectations: [
      ...incomplete,
      expect.says(
        'the serial log says why',
        /Out of memory|out_of_memory|heap out of memory|deadlocked on memory/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'hang-in-dump',
    help: 'the capture program stops for ever in mid-dump: the early stage’s timer ends it',
    bundle: { entry: 'qemu/faults/hang-in-dump.ts' },
    crashWords: ['kdumpling.deadlineSeconds=30'],
    expectations: [
      ...incomplete,
      expect.says('the serial log says why', /kdumpling: early: NOT finished after 90 s; rebooting by sysrq/),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'deadline',
    help: 'the overall deadline passes in mid-dump',
    bundle: { entry: 'qemu/faults/slow-dump.ts' },
    crashWords: ['kdumpling.deadlineSeconds=30', 'kdumpling.dumpLevel=1'],
    expectations: [
      ...incomplete,
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
  ...TARGET_FAULTS,
  {
    name: 'guest-ram',
    help: 'nothing; what was captured is held against the memory that QEMU sees, and QEMU’s own dumps are dumped',
    takesGuestRam: true,
    expectations: [...SOUND.expectations, judgeGuestRam],
  },
];
