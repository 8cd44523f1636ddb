/** Lines of two real runs that QEMU 7.2.22 spoilt on a busy host, 30 November 2026, and of one that it did not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Verdict } from '../../../../qemu/lab/crash.ts';
import { crashTwiceAtMost, emulationFault } from '../../../../qemu/lab/crash-again.ts';
import { LostMachine } from '../../../../qemu/machine/machine.ts';

const FIRST = `[    0.000000] Linux version 6.12.117+deb12-cloud-amd64 (debian-kernel@lists.debian.org)
[    0.000000] Command line: console=ttyS0 no_timer_check panic=30 crashkernel=192M
lab: armed
[   12.544222] Oops: general protection fault, probably for non-canonical address 0x5a5a5a5a5a5a5a5a: 0000 [#1] PREEMPT SMP NOPTI
[   12.581647] RIP: 0010:lab_wild+0x10/0x20 [kdumpling_lab]
`;
const CAPTURE = `[    0.000000] Linux version 6.12.117+deb12-cloud-amd64 (debian-kernel@lists.debian.org)
[    0.000000] Command line: elfcorehdr=0x33000000 console=ttyS0 no_timer_check irqpoll nr_cpus=2 reset_devices
`;
const SAVED = `${CAPTURE}[   24.763020] kdumpling: end: final action: reboot
`;
const INT3 = `${CAPTURE}[    4.132590] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI
[    4.133067] RIP: 0010:sched_clock_cpu+0x9/0x190
[    4.135391] Kernel panic - not syncing: Fatal exception in interrupt
`;
const LAST = `[    0.000000] Linux version 6.1.0-57-cloud-amd64 (debian-kernel@lists.debian.org)
[    0.000000] Command line: console=ttyS0 no_timer_check panic=30 crashkernel=192M
`;
const HUNG = `${LAST}[  484.638302] INFO: task kworker/0:2:50 blocked for more than 362 seconds.
`;
const HOME = `${LAST}lab: came home
`;

describe('the emulation is to blame', () => {
  test.each([
    ['a breakpoint that is no longer there', FIRST + INT3 + HOME, false, /int3/],
    ['the boot after the capture hangs', FIRST + SAVED + HUNG, true, /hung at its boot after the capture/],
    ['nothing is wrong', FIRST + SAVED + HOME, false, undefined],
    ['the capture hangs', FIRST + CAPTURE, true, undefined],
    ['the machine is lost after it came home', FIRST + SAVED + HOME, true, undefined],
    ['it is lost before it crashed', FIRST, true, undefined],
    ['a check fails', FIRST + SAVED + LAST, false, undefined],
  ])('%s', (_, log, isLost, why) => {
    if (why) expect(emulationFault(log, isLost)).toMatch(why);
    else expect(emulationFault(log, isLost)).toBeUndefined();
  });
});

describe('a crash', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kdumpling-again-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const verdictOf = (log: string, verdict: 'passed' | 'failed'): Verdict =>
    ({ verdict, checks: [], run: { lines: log.split('\n').map(text => ({ text })) } }) as unknown as Verdict;
  const lost = (log: string): LostMachine => {
    writeFileSync(join(directory, 'serial.log'), log);
    return new LostMachine('MACHINE_LOST', { action: 'run the machine', actual: 'it did not' }, directory);
  };
  const crashes = async (accel: 'tcg' | 'kvm', ...ends: readonly (Verdict | Error)[]) => {
    const left = [...ends];
    const whys: string[] = [];
    const verdict = await crashTwiceAtMost(
      accel,
      why => whys.push(why),
      async () => {
        const end = left.shift()!;
        if (end instanceof Error) throw end;
        return end;
      },
    );
    return { verdict: verdict.verdict, whys, left: left.length };
  };
  const passed = verdictOf(FIRST + SAVED + HOME, 'passed');

  test('that was spoilt is made once more, and no third time', async () => {
    const spoilt = verdictOf(FIRST + INT3 + HOME, 'failed');
    expect(await crashes('tcg', spoilt, passed)).toMatchObject({
      verdict: 'passed',
      whys: [expect.stringMatching(/int3/)],
    });
    expect(await crashes('tcg', spoilt, spoilt, passed)).toMatchObject({ verdict: 'failed', left: 1 });
    expect(await crashes('tcg', lost(FIRST + SAVED + HUNG), passed)).toMatchObject({ verdict: 'passed' });
  });

  test('that passed, or failed by itself, or on a real CPU, is not', async () => {
    expect(await crashes('tcg', passed)).toMatchObject({ whys: [] });
    const failed = verdictOf(FIRST + SAVED + HOME, 'failed');
    expect(await crashes('tcg', failed, passed)).toMatchObject({ verdict: 'failed', left: 1 });
    const spoilt = verdictOf(FIRST + INT3 + HOME, 'failed');
    expect(await crashes('kvm', spoilt, passed)).toMatchObject({ verdict: 'failed', left: 1 });
    await expect(crashes('tcg', lost(FIRST + CAPTURE), passed)).rejects.toThrow(/it did not/);
  });
});
