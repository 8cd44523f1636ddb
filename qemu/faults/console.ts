/** Faults of the console, and what follows the capture: the final action and the rescue shell. */
import * as expect from '../expect/expectations.ts';
import { doAt, type Fault } from './fault.ts';

/** The capture prints nothing, and saves all the same. */
const unseen = [
  expect.armed,
  expect.neverSays('nothing is on the serial console', /kdumpling: /),
  expect.cameHome,
  expect.unmountedCleanly,
  expect.fileSystemSound,
  expect.completeDump,
];

/** Linux kernel/reboot.c. */
const KERNEL_SAYS = {
  reboot: /reboot: Restarting system/,
  halt: /reboot: System halted/,
  poweroff: /reboot: Power down/,
} as const;
/** The time that capture/init/watchdog.ts sets. */
const WATCHDOG_SECONDS = 60;

export const CONSOLE_FAULTS: readonly Fault[] = [
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
    help: 'somebody stops the terminal with Ctrl-S when the capture begins and never restarts it',
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
      help: `nothing goes wrong; final_action is ${action}`,
      options: { finalAction: action },
      dialogue: [{ after: /System halted/, pullPlugAfterSeconds: WATCHDOG_SECONDS + 10 }],
      expectations: [
        expect.armed,
        expect.says('the capture is announced as saved', /kdumpling: end: saved /),
        expect.says('the console says what follows', new RegExp(`final action: ${action}`)),
        expect.says('the kernel does it', KERNEL_SAYS[action]),
        ...(action === 'reboot' ? [expect.cameHome] : [expect.stayedDown]),
        expect.fileSystemSound,
      ],
    }),
  ),
  {
    name: 'shell',
    help: 'failure_action is shell: somebody types commands at the serial console, then exits',
    ...doAt('plan', 'throw'),
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
        /kdumpling: shell: the dump was not saved: .*thrown in plan/,
      ),
      expect.says(
        'the banner says where the evidence is',
        /kdumpling: shell: the target is mounted read-write on \/target; what was saved is in \/target\/var\/crash\/\d+T\d+Z/,
      ),
      expect.says('jobs lists a background job', /^\[1\]\+ +Running +sleep 1000/),
      expect.says('Ctrl-C ends the command and not the shell', /^interrupted-130/),
      expect.says('the final action follows', /kdumpling: shell: the shell has ended/),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
  {
    name: 'shell-nobody',
    help: 'failure_action is shell, and nobody types',
    ...doAt('plan', 'throw'),
    options: { failureAction: 'shell', shellTimeout: 20 },
    expectations: [
      ...expect.INCOMPLETE_CAPTURE,
      expect.says('it gives up', /kdumpling: shell: no input or output for 20 s/),
      expect.unmountedCleanly,
      expect.kernelLogSaved,
      expect.manifestSays('incomplete'),
    ],
  },
];
