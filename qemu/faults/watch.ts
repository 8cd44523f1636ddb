/** Lab faults of what watches over the capture: the supervisor, watchdogs, final actions, the shell, the console, the clock. */

import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import type { Expectation } from '../expect/expectations.ts';
import * as expect from '../expect/expectations.ts';
import type { Fault } from './fault.ts';

/** Does something bad when a phase begins, or in `mid-dump`. */
function at(phase: string, deed: string, ...words: string[]): Pick<Fault, 'bundle' | 'crashWords'> {
  return {
    bundle: { entry: 'qemu/faults/bundles/at-phase.ts' },
    crashWords: [`lab.at=${phase}`, `lab.do=${deed}`, ...words],
  };
}

/** Where nothing can be heard of the capture. */
const unseen = [
  expect.armed,
  expect.neverSays('nothing is on the serial console', /kdumpling: /),
  expect.cameHome,
  expect.unmountedCleanly,
  expect.fileSystemSound,
  expect.completeDump,
];

/** What an exception leaves, by the phase that it comes in. */
const WHAT_IS_LEFT: Readonly<Record<string, readonly Expectation[]>> = {
  open: [expect.manifestSays('incomplete')],
  target: [expect.kernelLogOnConsole],
  plan: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
  verify: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
  commit: [expect.kernelLogSaved, expect.manifestSays('incomplete')],
};

const KERNEL_SAYS = {
  reboot: /reboot: Restarting system/,
  halt: /reboot: System halted/,
  poweroff: /reboot: Power down/,
} as const;
/** What capture/init/watchdog.ts sets. */
const WATCHDOG_SECONDS = 60;

const CLOCK_1970 = ['-rtc', 'base=1970-01-01T00:00:00'];

const GENERIC: KernelChoice = { series: '6.12', flavour: 'generic' };
/** What Linux calls them. */
const IDENTITIES: Readonly<Record<string, string>> = { i6300esb: 'i6300ESB timer', itco: 'iTCO_wdt' };
const WATCHDOGS: Readonly<Record<string, Pick<Fault, 'kernel' | 'devices' | 'watchdog'>>> = {
  // Beside the iTCO of every q35 machine, which seems to run and resets nothing as QEMU has it by default.
  i6300esb: {
    kernel: GENERIC,
    devices: ['-device', 'i6300esb', '-action', 'watchdog=reset'],
    watchdog: { drivers: ['i6300esb'], seconds: 60 },
  },
  itco: {
    kernel: GENERIC,
    devices: ['-global', 'ICH9-LPC.noreboot=false', '-action', 'watchdog=reset'],
    watchdog: { drivers: ['lpc_ich', 'iTCO_wdt'], seconds: 60 },
  },
};

export const WATCH_FAULTS: readonly Fault[] = [
  {
    name: 'throw-in-dump',
    help: 'an exception in the middle of the dump',
    ...at('mid-dump', 'throw'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
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
    name: 'hang-in-dump',
    help: 'the capture program stops for ever in mid-dump: the supervisor ends it',
    ...at('mid-dump', 'hang', 'kdumpling.stallTimeout=20'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: watch: NOT finished: stuck in the phase dump, where nothing moved for 20 s/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'hang-at-load',
    help: 'the bundle never gets beyond its first line',
    bundle: { firstLine: 'for (;;);' },
    options: { stallTimeout: 20 },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: watch: NOT finished: stuck in the phase start, where nothing moved for 20 s/,
      ),
    ],
  },
  {
    name: 'hang-past-deadline',
    help: 'likewise, and nobody minds a phase in which nothing moves: the supervisor ends it after the deadline',
    ...at('verify', 'hang', 'kdumpling.stallTimeout=0', 'kdumpling.deadlineSeconds=90'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: watch: NOT finished after 15\d s, in the phase verify/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'segfault',
    help: 'the capture program dies of SIGSEGV in mid-dump',
    ...at('mid-dump', 'segfault'),
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
    ...at('mid-dump', 'panic'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('it goes home by panic=', /Rebooting in 10 seconds/),
      expect.kernelLogSaved,
    ],
  },
  ...['i6300esb', 'itco'].map(
    (name): Fault => ({
      name: `watchdog-${name}`,
      help: `a hardware watchdog (${name}) that the first kernel left running, and a dump that takes longer than it waits`,
      ...WATCHDOGS[name],
      bundle: { entry: 'qemu/faults/bundles/slow-dump.ts' },
      crashWords: ['lab.pause=4'],
      expectations: [
        expect.says('the first kernel runs it', /^lab: watchdog .* runs, 60 s/),
        expect.says(
          'it is taken over',
          new RegExp(`kdumpling: watchdog: ${IDENTITIES[name]}, 60 s, fed while the capture moves`),
        ),
        ...expect.SOUND_CAPTURE,
        expect.captureTookLonger(70),
      ],
    }),
  ),
  {
    name: 'watchdog-expires',
    help: 'everything hangs, the supervisor is dead: the hardware watchdog resets the machine',
    ...WATCHDOGS.i6300esb,
    ...at('mid-dump', 'kill-supervisor-and-hang'),
    expectations: [...expect.INCOMPLETE_CAPTURE, expect.kernelLogSaved],
  },
  {
    name: 'softdog-expires',
    help: 'likewise on a machine without one: the kernel’s own resets it',
    ...at('mid-dump', 'kill-supervisor-and-hang'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('it was the software watchdog', /softdog: Initiating system reboot/),
      expect.kernelLogSaved,
    ],
  },
  ...['open', 'target', 'plan', 'verify', 'commit'].map(
    (phase): Fault => ({
      name: `throw-in-${phase}`,
      help: `an exception when the phase ${phase} begins`,
      ...at(phase, 'throw'),
      expectations: [
        ...expect.INCOMPLETE_CAPTURE,
        expect.says('the serial log says why', new RegExp(`NOT saved: .*lab fault: thrown in ${phase}`)),
        expect.unmountedCleanly,
        ...WHAT_IS_LEFT[phase],
      ],
    }),
  ),
  ...['dmesg', 'unmount'].map(
    (phase): Fault => ({
      name: `throw-in-${phase}`,
      help: `an exception when the phase ${phase} begins, which costs no dump`,
      ...at(phase, 'throw'),
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
  ...[
    { name: 'crash-loop', help: 'the machine crashes twice, and once is enough for one hour', devices: [] },
    { name: 'crash-loop-1970', help: 'likewise, without a clock', devices: CLOCK_1970 },
  ].map(
    (kind): Fault => ({
      ...kind,
      crashes: 2,
      options: { crashLoop: '1/60' },
      expectations: [
        expect.says('the first is announced as saved', /kdumpling: end: saved /),
        expect.says(
          'the second says why not',
          /kdumpling: end: NOT saved: a crash loop: 1 captures just before/,
        ),
        expect.cameHome,
        expect.unmountedCleanly,
        expect.fileSystemSound,
        expect.skippedSecond,
      ],
    }),
  ),
  {
    name: 'clock-1970',
    help: 'the clock was never set',
    devices: CLOCK_1970,
    expectations: [
      expect.says('the capture is announced as saved', /kdumpling: end: saved \/var\/crash\/1970/),
      ...expect.SOUND_CAPTURE,
      expect.clockIsNotTrusted,
    ],
  },
  {
    name: 'vmcore-eio',
    help: 'reads of a part of /proc/vmcore end in EIO (mocked)',
    bundle: { entry: 'qemu/faults/bundles/vmcore-eio.ts' },
    withoutFfi: true,
    expectations: [
      expect.says('a warning says so', /kdumpling: dump: warning: page \d+ is written as zeros/),
      ...expect.SOUND_CAPTURE,
    ],
  },
  {
    name: 'no-console',
    help: 'the crash kernel has no serial console',
    withoutConsole: true,
    expectations: unseen,
  },
  {
    name: 'null-console',
    help: 'the crash kernel has no console at all',
    withoutConsole: true,
    crashWords: ['console=null'],
    expectations: unseen,
  },
  {
    name: 'console-stopped',
    help: 'somebody stops the terminal (Ctrl-S) when the capture begins, and it stays so',
    dialogue: [{ after: /kdumpling: open: /, type: '\x13' }],
    expectations: [
      expect.armed,
      expect.pid1IsOurs,
      expect.cameHome,
      expect.unmountedCleanly,
      expect.fileSystemSound,
      expect.completeDump,
      expect.neverSays('it was stopped', /kdumpling: end: saved/),
    ],
  },
  ...(['reboot', 'halt', 'poweroff'] as const).map(
    (action): Fault => ({
      name: `then-${action}`,
      help: `nothing; final_action is ${action}`,
      options: { finalAction: action },
      dialogue: [{ after: /System halted/, pullPlugAfterSeconds: WATCHDOG_SECONDS + 10 }],
      expectations: [
        expect.armed,
        expect.says('the capture is announced as saved', /kdumpling: end: saved /),
        expect.says('it says what comes', new RegExp(`going home: ${action}`)),
        expect.says('the kernel does it', KERNEL_SAYS[action]),
        ...(action === 'reboot' ? [expect.cameHome] : [expect.stayedDown]),
        expect.fileSystemSound,
      ],
    }),
  ),
  {
    name: 'shell',
    help: 'failure_action is shell: somebody types at the serial console, with job control, and leaves',
    ...at('plan', 'throw'),
    options: { failureAction: 'shell' },
    dialogue: [
      { after: /kdumpling: shell: it ends after 300 s/, type: 'sleep 1000 &\njobs\n' },
      { after: /^\[1\]\+ +Running +sleep 1000/, type: 'sh -c "echo now-sleep-$((40+2)); exec sleep 2000"\n' },
      { after: /^now-sleep-42/, type: '\x03echo interrupted-$?\n' },
      { after: /^interrupted-130/, type: 'ls /target/var/crash/*/\n' },
      { after: /vmcore-dmesg.txt/, type: 'kill %1; mount | grep /target; exit\n' },
    ],
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the banner says what happened',
        /kdumpling: shell: here because the dump was not saved: .*thrown in plan/,
      ),
      expect.says(
        'and where the evidence lies',
        /kdumpling: shell: the target is mounted read-write on \/target; what was saved is in \/target\/var\/crash\/\d+T\d+Z/,
      ),
      expect.says('jobs lists a background job', /^\[1\]\+ +Running +sleep 1000/),
      expect.says('Ctrl-C ends what runs, and not the shell', /^interrupted-130/),
      expect.says('the final action follows', /kdumpling: shell: the shell has ended/),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
  {
    name: 'shell-nobody',
    help: 'likewise, and nobody is there',
    ...at('plan', 'throw'),
    options: { failureAction: 'shell', shellTimeout: 20 },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('it gives up', /kdumpling: shell: nobody was there for 20 s/),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
];
