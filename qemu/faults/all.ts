/** Every fault that the lab knows, one row each. */

import * as expect from '../expect/expectations.ts';
import { judgeGuestRam } from '../expect/guest-ram.ts';
import { DISK_KINDS } from './disk-kinds.ts';
import type { Fault } from './fault.ts';
import { LEAN_FAULTS } from './lean.ts';
import { POWER_CUT } from './power-cut.ts';
import { SPACE_FAULTS } from './space.ts';
import { TARGET_FAULTS } from './target.ts';
import { WATCH_FAULTS } from './watch.ts';

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
    bundle: { entry: 'qemu/faults/bundles/out-of-memory.ts' },
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
    bundle: { entry: 'qemu/faults/bundles/slow-dump.ts' },
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
    bundle: { entry: 'qemu/faults/bundles/raw-copy.ts' },
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
