import { expect, test } from 'vitest';
import { readMilestones } from '../../../../qemu/run/milestones.ts';

/** A line a second. */
const run = (panic: string) =>
  readMilestones(
    [
      'Linux version 6.12.117',
      'lab: armed',
      panic,
      'Linux version 6.12.117',
      'kdumpling: start: kdumpling 0.1.0, PID 1',
      'kdumpling: end: saved /var/crash/20261129T000000Z',
      'Linux version 6.12.117',
      'lab: came home',
    ].map((text, atSeconds) => ({ text, atSeconds })),
  );

// arch/x86/kernel/dumpstack.c and arch/arm64/kernel/traps.c (die); kernel/panic.c.
test.each([
  'Kernel panic - not syncing: sysrq triggered crash',
  'BUG: kernel NULL pointer dereference, address: 0000000000000000: 0000 [#1] PREEMPT SMP PTI',
  'Oops: 0000 [#1] PREEMPT SMP NOPTI',
  'Internal error: Oops: 0000000096000004 [#1] SMP',
  'Internal error: Oops - BUG: 00000000f2000800 [#1] SMP',
])('the panic is found: %s', line => {
  expect(run(`[    9.087808] ${line}`)).toEqual({
    'first kernel': 0,
    armed: 1,
    panic: 2,
    'capture kernel': 3,
    'PID 1': 4,
    'capture ended': 5,
    rebooted: 6,
    'came home': 7,
  });
});

test('a station that was not reached is left out, and the others are found', () => {
  const { panic, 'capture ended': ended } = run('a line of the crash');
  expect([panic, ended]).toEqual([undefined, 5]);
});
