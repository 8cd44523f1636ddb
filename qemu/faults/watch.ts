/** Faults that the deadline, the supervisor (initrd/watch.sh) or a watchdog must end. */
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { neverSilent } from '../expect/console-silence.ts';
import * as expect from '../expect/expectations.ts';
import type { NotOn } from '../kernel/misfit.ts';
import { type LabWatchdog, labArch } from '../machine/arch.ts';
import { doAt, type Fault } from './fault.ts';

const SLOW_DUMP = { entry: 'qemu/faults/bundles/slow-dump.ts' };
/** Debian's cloud kernels have no hardware watchdogs. */
const WITH_WATCHDOGS: KernelChoice = { series: '6.12', flavour: 'generic' };
/** Of the drivers, those kernels have sbsa_gwdt and sp805_wdt, and QEMU's machine virt has neither device. */
const NO_WATCHDOG: NotOn = {
  arm64:
    'Debian builds the kernels without the driver (CONFIG_I6300ESB_WDT), and QEMU’s machine virt has no other hardware watchdog',
};
const WATCHDOGS = Object.entries(labArch().watchdogs);

function runningWatchdog({ devices, drivers, seconds }: LabWatchdog): Partial<Fault> {
  return { kernel: WITH_WATCHDOGS, devices, watchdog: { drivers, seconds }, notOn: NO_WATCHDOG };
}

export const WATCH_FAULTS: readonly Fault[] = [
  {
    name: 'deadline',
    help: 'the overall deadline passes in mid-dump, on a slow machine while the dump is planned',
    bundle: SLOW_DUMP,
    crashWords: ['kdumpling.deadlineSeconds=30', 'kdumpling.dumpLevel=1'],
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: end: NOT saved: dump: Cannot go on with the phase (?:plan|dump): .*30 s are over/,
      ),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
  {
    name: 'hang-at-load',
    help: 'the program hangs on its first line: the supervisor ends it',
    bundle: { firstLine: 'for (;;);' },
    options: { stallTimeout: 20 },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: watch: NOT finished: stuck in the phase start, no progress for 20 s/,
      ),
    ],
  },
  {
    name: 'hang-in-dump',
    help: 'the program hangs in mid-dump: the supervisor ends it',
    ...doAt('mid-dump', 'hang', 'kdumpling.stallTimeout=20'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: watch: NOT finished: stuck in the phase dump, no progress for 20 s/,
      ),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'hang-in-kernel',
    help: 'the program never returns from a write in mid-dump (state D): the supervisor ends it',
    bundle: { entry: 'qemu/faults/bundles/hang-in-kernel.ts' },
    crashWords: ['kdumpling.stallTimeout=20'],
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: watch: NOT finished: stuck in the phase dump, no progress for 20 s, \d+ MiB of memory available; rebooting by sysrq/,
      ),
      expect.says('the kernel shows where PID 1 is blocked', /task:\S+ +state:D .*pid:1 /),
      expect.kernelLogSaved,
    ],
  },
  {
    name: 'hang-past-deadline',
    help: 'the program hangs with stallTimeout=0: the supervisor ends it after the deadline',
    ...doAt('verify', 'hang', 'kdumpling.stallTimeout=0', 'kdumpling.deadlineSeconds=90'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says(
        'the serial log says why',
        /kdumpling: watch: NOT finished after 15\d s, in the phase verify/,
      ),
      neverSilent,
      expect.kernelLogSaved,
    ],
  },
  ...WATCHDOGS.map(
    ([name, watchdog]): Fault => ({
      name: `watchdog-${name}`,
      help: `the first kernel left a hardware watchdog running (${name}), and the dump takes longer than its time`,
      ...runningWatchdog(watchdog),
      bundle: SLOW_DUMP,
      crashWords: ['lab.pause=4'],
      expectations: [
        expect.says('the first kernel runs it', /^lab: watchdog .* runs, 60 s/),
        expect.says(
          'it is taken over',
          new RegExp(`kdumpling: watchdog: ${watchdog.identity}, 60 s, fed while the capture makes progress`),
        ),
        ...expect.SOUND_CAPTURE,
        expect.captureTookLonger(70),
      ],
    }),
  ),
  ...WATCHDOGS.slice(0, 1).map(
    ([name, watchdog]): Fault => ({
      name: 'watchdog-expires',
      help: `the program hangs and the supervisor is dead: the hardware watchdog (${name}) resets the machine`,
      ...runningWatchdog(watchdog),
      ...doAt('mid-dump', 'kill-supervisor-and-hang'),
      expectations: [...expect.INCOMPLETE_CAPTURE, expect.kernelLogSaved],
    }),
  ),
  {
    name: 'softdog-expires',
    help: 'the same without a hardware watchdog: the kernel’s softdog resets the machine',
    ...doAt('mid-dump', 'kill-supervisor-and-hang'),
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('it was the software watchdog', /softdog: Initiating system reboot/),
      expect.kernelLogSaved,
    ],
  },
];
