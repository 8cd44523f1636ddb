import { describe, expect, it } from 'vitest';
import { PanicFinder, panicReason } from '../../../capture/kernel/panic-line.ts';

const at = (...lines: string[]) =>
  lines.map((line, i) => `[${String(i).padStart(5)}.123456] ${line}`).join('\n');
const stack = (count: number) => Array.from({ length: count }, (_, i) => `RIP: 0010:f${i}+0x12/0x34`);
const boot = ['Linux version 6.1.0', 'Command line: panic=1 oops=panic', 'clocksource: tsc'];

const NULL_DEREF = 'BUG: kernel NULL pointer dereference, address: 0000000000000000';
const FATAL = 'Kernel panic - not syncing: Fatal exception';

/** The same for a whole text and for records as the capture reads them, each with a newline. */
function reasonOf(log: string): string | undefined {
  const finder = new PanicFinder();
  for (const line of log.split('\n')) finder.add(`${line}\n`);
  expect(finder.reason).toBe(panicReason(log));
  return finder.reason;
}

describe('the reason in a log', () => {
  it.each([
    [
      'sysrq',
      [
        ...boot,
        'sysrq: Trigger a crash',
        'Kernel panic - not syncing: sysrq triggered crash',
        'CPU: 0 PID: 1',
      ],
      'Kernel panic - not syncing: sysrq triggered crash',
    ],
    [
      'init killed',
      [...boot, 'Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009', ...stack(9)],
      'Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009',
    ],
    [
      'an oops that panics',
      [...boot, NULL_DEREF, '#PF: supervisor', 'Oops: 0002 [#1] SMP', ...stack(60), FATAL],
      NULL_DEREF,
    ],
    [
      'an oops that goes to the crash kernel at once',
      [...boot, NULL_DEREF, 'Oops: 0002 [#1] SMP', ...stack(60)],
      NULL_DEREF,
    ],
    [
      'BUG()',
      [
        ...boot,
        '------------[ cut here ]------------',
        'kernel BUG at mm/slub.c:304!',
        'invalid opcode: 0000 [#1] PREEMPT SMP',
        FATAL,
      ],
      'kernel BUG at mm/slub.c:304!',
    ],
    [
      'a trap',
      [...boot, 'divide error: 0000 [#1] SMP NOPTI', ...stack(5)],
      'divide error: 0000 [#1] SMP NOPTI',
    ],
    [
      'a general protection fault',
      [
        ...boot,
        'general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP',
        ...stack(5),
        FATAL,
      ],
      'general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP',
    ],
    [
      'the old sysrq, which made a NULL dereference',
      [...boot, 'sysrq: SysRq : Trigger a crash', NULL_DEREF, 'Oops: 0002 [#1] SMP', ...stack(9)],
      'sysrq: SysRq : Trigger a crash',
    ],
    [
      'sysrq before an oops',
      [...boot, 'sysrq: Trigger a crash', NULL_DEREF, 'Oops: 0002 [#1] SMP', ...stack(9)],
      'sysrq: Trigger a crash',
    ],
    [
      'a soft lockup',
      [
        ...boot,
        'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:7]',
        ...stack(30),
        'Kernel panic - not syncing: softlockup: hung tasks',
      ],
      'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:7]',
    ],
    [
      'a hung task',
      [
        ...boot,
        NULL_DEREF,
        'INFO: task cat:9 blocked for more than 120 seconds.',
        'Kernel panic - not syncing: hung_task: blocked tasks',
      ],
      'INFO: task cat:9 blocked for more than 120 seconds.',
    ],
    [
      'a warning that panics',
      [
        ...boot,
        'WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2',
        'Kernel panic - not syncing: kernel: panic_on_warn set ...',
      ],
      'WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2',
    ],
    [
      'an NMI',
      [
        ...boot,
        'NMI: IOCK error (debug interrupt?) for reason 61 on CPU 0.',
        'Kernel panic - not syncing: NMI: Not continuing',
      ],
      'NMI: IOCK error (debug interrupt?) for reason 61 on CPU 0.',
    ],
    [
      'a second report on the heels of the first',
      [
        ...boot,
        'kernel BUG at mm/slub.c:304!',
        'BUG: scheduling while atomic: a/1/0x2',
        'Oops: 0000 [#1]',
        FATAL,
      ],
      'kernel BUG at mm/slub.c:304!',
    ],
    ['a fatal exception without a cause', [...boot, FATAL], FATAL],
    ['a warning before another panic', [...boot, 'WARNING: CPU: 0', FATAL], FATAL],
    [
      'a panic line that ends the log',
      [...boot, 'Kernel panic - not syncing: '],
      'Kernel panic - not syncing:',
    ],
    [
      'two panics: the last',
      [FATAL, 'Kernel panic - not syncing: VFS: Unable to mount'],
      'Kernel panic - not syncing: VFS: Unable to mount',
    ],
    ['an oops long before a panic', [NULL_DEREF, ...stack(2100), FATAL], FATAL],
    ['an oops long before the end', [NULL_DEREF, ...stack(2100)], undefined],
    ['a quiet log', boot, undefined],
    [
      'the words in the middle of a line',
      [...boot, 'systemd[1]: saw Kernel panic - not syncing: no', 'x ---[ end Kernel panic - not syncing: y'],
      undefined,
    ],
    [
      'a panic, and a panic notifier that oopses',
      [
        ...boot,
        'Kernel panic - not syncing: mine',
        'CPU: 1 PID: 122 Comm: sh',
        NULL_DEREF,
        'Oops: 0000 [#1]',
        FATAL,
      ],
      'Kernel panic - not syncing: mine',
    ],
    [
      'KFENCE, of which panic_on_warn makes a panic',
      [
        ...boot,
        'WARNING: CPU: 0 PID: 7 at drivers/old.c:1 old+0x1/0x2',
        ...stack(30),
        '==================================================================',
        'BUG: KFENCE: use-after-free read in mine_read+0x12/0x34 [mine]',
        ...stack(9),
        'Kernel panic - not syncing: KFENCE: panic_on_warn set ...',
      ],
      'BUG: KFENCE: use-after-free read in mine_read+0x12/0x34 [mine]',
    ],
    [
      'a warning of which panic_on_warn makes a panic, after an oops that was survived',
      [
        ...boot,
        NULL_DEREF,
        ...stack(60),
        'WARNING: CPU: 1 PID: 9 at mine.c:1',
        ...stack(9),
        'Kernel panic - not syncing: kernel: panic_on_warn set ...',
      ],
      'WARNING: CPU: 1 PID: 9 at mine.c:1',
    ],
    ['nothing', [], undefined],
  ] as [string, string[], string | undefined][])('%s', (_, lines, reason) => {
    expect(reasonOf(at(...lines))).toBe(reason);
  });

  it.each(['', '[    T123] ', '[     C16] ', '[T2147483647] '])('with a caller id of %j', caller => {
    const log = `[   12.345678] ${caller}${NULL_DEREF}\n[   12.345679] ${caller}${FATAL}\n`;
    expect(reasonOf(log)).toBe(NULL_DEREF);
  });

  // As Debian's 7.2.13+deb14-cloud-arm64 reported it.
  it('an oops of arm64, which says much of the fault before it says Oops', () => {
    const fault = 'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000';
    const lines = [
      ...[
        fault,
        'Mem abort info:',
        '  ESR = 0x0000000096000006',
        '  EC = 0x25: DABT (current EL), IL = 32 bits',
      ],
      ...['  SET = 0, FnV = 0', '  EA = 0, S1PTW = 0', '  FSC = 0x06: level 2 translation fault'],
      ...['Data abort info:', '  ISV = 0, ISS = 0x00000006, ISS2 = 0x00000000'],
      ...['  CM = 0, WnR = 0, TnD = 0, TagAccess = 0', '  GCS = 0, Overlay = 0, DirtyBit = 0'],
      'user pgtable: 4k pages, 52-bit VAs, pgdp=000000004024c100',
      '[0000000000000000] pgd=08000000413bd403, p4d=08000000412a0403, pud=0800000041299403, pmd=0000000000000000',
      'Internal error: Oops: 0000000096000006 [#1]  SMP',
    ];
    expect(reasonOf(at(...boot, ...lines, ...stack(20)))).toBe(fault);
  });

  it('without a time stamp, and in any pieces', () => {
    const finder = new PanicFinder();
    finder.add('one\ntwo');
    finder.add(`${NULL_DEREF}\n`);
    expect(finder.reason).toBe(NULL_DEREF);
    finder.add('Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f');
    expect(finder.reason).toBe(
      'Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f',
    );
  });

  it('is one line of bounded length, whatever the log holds', () => {
    expect(reasonOf(`Kernel panic - not syncing: ${'x'.repeat(100_000)}`)).toHaveLength(240);
    expect(reasonOf('[ '.repeat(100_000))).toBeUndefined();
    expect(reasonOf(`a${' -'.repeat(50_000)}`)).toBeUndefined();
  });
});
