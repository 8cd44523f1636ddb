/** Faults of the capture program: it throws, crashes, or runs out of memory, in one phase after another. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Expectation } from '../expect/check.ts';
import * as expect from '../expect/expectations.ts';
import { readManifest } from '../expect/manifest.ts';
import { doAt, type Fault } from './fault.ts';

/** What an exception leaves behind, by the phase in which it is thrown. */
const LEFT_BEHIND: Readonly<Record<string, readonly Expectation[]>> = {
  open: [expect.manifestSays('incomplete')],
  target: [expect.kernelLogOnConsole],
  plan: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
  verify: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
  commit: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
};

/** Nobody has seen which of its pages a capture touches, and so nothing is left out of it. */
const WHOLE_NODE = { arm64: 'its image has the whole Node' };

const startsAgain = expect.says(
  'the whole Node takes over',
  /kdumpling: early: the capture called a part of Node that the image lacks/,
);

/** The first capture was interrupted, and looks so; the second one is whole. */
const secondIsWhole: Expectation = ({ dumps: [first = '', second = ''] }) => [
  {
    what: 'the interrupted one does not look complete',
    holds: existsSync(join(first, 'vmcore-incomplete')) && !existsSync(join(first, 'vmcore')),
    saw: first || 'none',
  },
  {
    what: 'the second one is complete',
    holds: existsSync(join(second, 'vmcore')) && readManifest(second)?.state === 'complete',
    saw: readManifest(second)?.state ?? 'no manifest',
  },
];

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
    name: 'unused-code',
    notOn: WHOLE_NODE,
    help: 'the program calls a part of Node that the image lacks, before it has a target',
    ...doAt('open', 'call-unused'),
    expectations: [startsAgain, ...expect.SOUND_CAPTURE, expect.ffiOpens],
  },
  {
    name: 'unused-code-in-dump',
    notOn: WHOLE_NODE,
    help: 'the program calls a part of Node that the image lacks, in mid-dump',
    ...doAt('mid-dump', 'call-unused'),
    expectations: [
      startsAgain,
      expect.armed,
      expect.cameHome,
      expect.fileSystemSound,
      expect.unmountedCleanly,
      expect.says('the second one is announced as saved', /kdumpling: end: saved \/var\/crash\/\d+T\d+Z-2 /),
      expect.dumpDirectories('both are there', [/^\d+T\d+Z$/, /^\d+T\d+Z-2$/]),
      secondIsWhole,
    ],
  },
  {
    name: 'unused-code-no-disk',
    notOn: WHOLE_NODE,
    help: 'the program calls a part of Node that the image lacks, and the disk has lost the whole Node',
    ...doAt('open', 'call-unused'),
    beforeCrash: 'rm /disk/usr/lib/kdumpling/runtime.squashfs; sync',
    expectations: [
      startsAgain,
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: early: NOT saved: there is no \/disk\/usr\/lib\/kdumpling\/runtime\.squashfs/,
      ),
    ],
  },
  {
    name: 'lean-no-runtime',
    help: 'the lean layout, and the runtime image is missing from the boot disk',
    layout: 'lean',
    withoutRuntimeOnDisk: true,
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
