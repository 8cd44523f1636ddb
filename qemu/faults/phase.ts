/** Faults of the capture program: it throws, crashes, or runs out of memory, in one phase after another. */
import type { Expectation } from '../expect/check.ts';
import * as expect from '../expect/expectations.ts';
import { doAt, type Fault } from './fault.ts';

/** What an exception leaves behind, by the phase in which it is thrown. */
const LEFT_BEHIND: Readonly<Record<string, readonly Expectation[]>> = {
  open: [expect.manifestSays('incomplete')],
  target: [expect.kernelLogOnConsole],
  plan: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
  verify: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
  commit: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
};

export const PHASE_FAULTS: readonly Fault[] = [
  {
    name: 'throw-at-load',
    help: 'the program throws on its first line',
    bundle: { firstLine: "throw new Error('lab fault: thrown at the first line');" },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('the serial log says why', /lab fault: thrown at the first line/),
      expect.says('the kernel takes over', /Kernel panic - not syncing: Attempted to kill init!/),
    ],
  },
  {
    name: 'throw-in-dump',
    help: 'the program throws in mid-dump',
    ...doAt('mid-dump', 'throw'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: end: NOT saved: dump: lab fault: thrown in mid-dump/,
      ),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
  ...['open', 'target', 'plan', 'verify', 'commit'].map(
    (phase): Fault => ({
      name: `throw-in-${phase}`,
      help: `the program throws when the phase ${phase} begins`,
      ...doAt(phase, 'throw'),
      expectations: [
        ...expect.INCOMPLETE_CAPTURE,
        expect.says('the serial log says why', new RegExp(`NOT saved: .*lab fault: thrown in ${phase}`)),
        expect.unmountedCleanly,
        ...LEFT_BEHIND[phase],
      ],
    }),
  ),
  ...['dmesg', 'unmount'].map(
    (phase): Fault => ({
      name: `throw-in-${phase}`,
      help: `the program throws when the phase ${phase} begins, which must not cost the dump`,
      ...doAt(phase, 'throw'),
      expectations: [
        expect.armed,
        expect.says('a warning says why', new RegExp(`${phase}: warning: .*lab fault: thrown in ${phase}`)),
        expect.says('the capture is announced as saved', /kdumpling: end: saved /),
        expect.cameHome,
        expect.fileSystemSound,
        expect.manifestSays('complete'),
      ],
    }),
  ),
  {
    name: 'throw-in-triage',
    help: 'the program throws in the middle of the triage dump, which must not cost the dump',
    ...doAt('mid-triage', 'throw'),
    expectations: [
      ...expect.SOUND_CAPTURE,
      expect.says('a warning says why', /triage: warning: .*lab fault: thrown in mid-triage/),
      expect.noTriageDump,
    ],
  },
  {
    name: 'out-of-memory',
    help: 'the program takes all memory in mid-dump',
    bundle: { entry: 'qemu/faults/bundles/out-of-memory.ts' },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /Out of memory|out_of_memory|heap out of memory|deadlocked on memory|NOT finished: (too little memory|.* [0-4] MiB of memory available)/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'segfault',
    help: 'the program dies of SIGSEGV in mid-dump',
    ...doAt('mid-dump', 'segfault'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the kernel takes over',
        /Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'second-panic',
    help: 'the crash kernel panics in mid-dump',
    ...doAt('mid-dump', 'panic'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('it reboots by panic=', /Rebooting in 10 seconds/),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'lean-no-runtime',
    help: 'the lean layout, and the runtime image is missing from the boot disk',
    layout: 'lean',
    expectations: [
      expect.armed,
      expect.says(
        'the serial log says why',
        /kdumpling: early: NOT saved: there is no \/disk\/usr\/lib\/kdumpling\/runtime\.squashfs/,
      ),
      expect.cameHome,
      expect.fileSystemSound,
    ],
  },
];
