/** Logs in which the first or the last report is not the cause, or the first function not the culprit. */
import { describe, expect, test } from 'vitest';
import { findCause } from '../../../../scripts/lib/report/cause.ts';
import { reportOf } from '../../../../scripts/lib/report/crash-report.ts';
import { readStory } from '../../../../scripts/lib/report/events.ts';
import { logLines } from '../../../../scripts/lib/report/log-lines.ts';
import { signatureOf } from '../../../../scripts/lib/report/signature.ts';
import { reportPage } from '../../../../scripts/lib/report/text.ts';

const causeOf = (log: string) => findCause(readStory(logLines(log)), undefined);
const DUMP = {
  id: '20261126T100955Z',
  directory: '/var/crash/20261126T100955Z',
  state: 'complete',
  time: new Date('2026-11-26T10:09:55Z'),
  timeBy: 'clock' as const,
  files: [],
};

const CPU = (comm: string, pid = 100, cpu = 1) =>
  `CPU: ${cpu} PID: ${pid} Comm: ${comm} Tainted: G        W  OE      6.1.0-56-amd64 #1  Debian 6.1.192-2`;
const trace = (...frames: readonly string[]) => [
  'Call Trace:',
  ' <TASK>',
  ...frames.map(name => ` ${name}+0x10/0x20`),
  ' </TASK>',
];
const timed = (start: number, lines: readonly string[]) =>
  lines.map((text, i) => `[${(start + i / 1000).toFixed(6).padStart(12)}] ${text}`).join('\n');

const STALE_WARNING = [
  '------------[ cut here ]------------',
  'WARNING: CPU: 0 PID: 7 at drivers/gpu/drm/drm.c:12 drm_harmless+0x1/0x20 [drm]',
  'Modules linked in: drm foo(OE) [last unloaded: gone]',
  CPU('kworker/0:1', 7, 0),
  'RIP: 0010:drm_harmless+0x1/0x20 [drm]',
  ...trace('drm_ioctl'),
  '---[ end trace 0000000000000000 ]---',
];
const OOPS = (name: string, number: number, comm = 'cat') => [
  'BUG: kernel NULL pointer dereference, address: 0000000000000008',
  '#PF: supervisor read access in kernel mode',
  `Oops: 0000 [#${number}] PREEMPT SMP`,
  CPU(comm),
  `RIP: 0010:${name}+0x12/0x30 [mine]`,
  'Code: 48 8b 00 <48> 8b 40 08',
  'RSP: 0018:ffffc900003dbbd0 EFLAGS: 00010246',
  'RAX: 0000000000000000 RBX: ffff888100000000 RCX: 0000000000000001',
  ...trace('mine_ioctl'),
  '---[ end trace 0000000000000000 ]---',
];

describe('which report is the cause', () => {
  test('KASAN with panic_on_warn, and an old warning of somebody else', () => {
    const log = [
      timed(50, STALE_WARNING),
      timed(100, [
        '==================================================================',
        'BUG: KASAN: slab-use-after-free in foo_disconnect+0x1c2/0x240 [foo]',
        'Write of size 8 at addr ffff888103e2a018 by task kworker/1:2/123',
        CPU('kworker/1:2', 123),
        'Call Trace:',
        ' <TASK>',
        ' dump_stack_lvl+0x44/0x5c',
        ' print_report+0xcf/0x610',
        ' kasan_report+0xaf/0xe0',
        ' foo_disconnect+0x1c2/0x240 [foo]',
        ' usb_unbind_interface+0xd5/0x3e0',
        ' </TASK>',
        'Allocated by task 99:',
        ' kasan_save_stack+0x20/0x40',
        'Kernel panic - not syncing: KASAN: panic_on_warn set ...',
      ]),
    ].join('\n');
    const { class: name, culprit, frames, site } = causeOf(log);
    expect(name).toBe('kasan');
    expect(culprit).toEqual({ name: 'foo_disconnect', offset: '0x1c2', size: '0x240', module: 'foo' });
    expect(frames.map(frame => frame.name)).toEqual(['foo_disconnect', 'usb_unbind_interface']);
    expect(site.task).toEqual({ cpu: 1, pid: 123, comm: 'kworker/1:2' });
    const { others } = reportOf(DUMP, log, 'web7');
    expect(others.map(({ class: other, seconds }) => [other, seconds])).toEqual([['warning', 50.001]]);
  });

  test('of two oopses, the first of which was survived, the first; both are shown', () => {
    const log = [
      timed(10, OOPS('mine_first', 1)),
      timed(500, OOPS('other_second', 2, 'bash')),
      timed(501, ['Kernel panic - not syncing: Fatal exception']),
    ].join('\n');
    expect(causeOf(log).culprit?.name).toBe('mine_first');
    expect(causeOf(log).site.task?.comm).toBe('cat');
    const page = reportPage(reportOf(DUMP, log, 'web7'));
    expect(page).toContain('mine_first+0x12/0x30 [mine]');
    expect(page).toMatch(/Other reports in this log\n +\[ +500.0/);
  });

  test('a warning that was survived is no cause of an oops', () => {
    const log = [
      timed(50, STALE_WARNING),
      timed(60, OOPS('mine_first', 1)),
      timed(61, ['Kernel panic - not syncing: Fatal exception']),
    ];
    expect(causeOf(log.join('\n'))).toMatchObject({ class: 'null-pointer', culprit: { name: 'mine_first' } });
  });

  test('an oops right before the end of init, and one an hour before', () => {
    const killed = [
      'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b',
      CPU('init', 1),
    ];
    const near = [timed(60, OOPS('mine_first', 1, 'init')), timed(61, killed)].join('\n');
    expect(causeOf(near)).toMatchObject({ class: 'null-pointer', culprit: { name: 'mine_first' } });
    const far = [timed(60, OOPS('mine_first', 1)), timed(3700, killed)].join('\n');
    expect(causeOf(far)).toMatchObject({ class: 'init-killed', site: { task: { comm: 'init' } } });
    expect(causeOf(far).culprit).toBeUndefined();
    const both = [
      timed(60, OOPS('mine_old', 1)),
      timed(3699, OOPS('mine_near', 2, 'init')),
      timed(3700, killed),
    ];
    expect(causeOf(both.join('\n'))).toMatchObject({ culprit: { name: 'mine_near' } });
  });

  test('two CPUs report at once: their callers tell them apart', () => {
    const lines = (caller: string, oops: readonly string[]) =>
      oops.map(text => `[   10.000000][ ${caller}] ${text}`);
    const one = lines('T100', OOPS('mine_first', 1));
    const two = lines('T200', OOPS('mine_other', 2, 'bash'));
    const mixed = one.flatMap((line, i) => [line, two[i]!]);
    const { culprit, site } = causeOf(
      [...mixed, '[   11.000000][ T100] Kernel panic - not syncing: Fatal exception'].join('\n'),
    );
    expect(culprit?.name).toBe('mine_first');
    expect(site.trace.map(({ name }) => name)).toEqual(['mine_ioctl']);
  });
});

describe('who is to blame', () => {
  const hardLockup = (name: string) =>
    timed(30, [
      'watchdog: Watchdog detected hard LOCKUP on cpu 3',
      'Modules linked in: mine(OE)',
      CPU('worker', 55, 3),
      'Hardware name: QEMU Standard PC',
      'Kernel panic - not syncing: Hard LOCKUP',
      CPU('worker', 55, 3),
      'Call Trace:',
      ' <NMI>',
      ' dump_stack_lvl+0x44/0x5c',
      ' panic+0x118/0x2f4',
      ' nmi_panic.cold+0xc/0xc',
      ' watchdog_overflow_callback.cold+0x5d/0x6e',
      ' __perf_event_overflow+0x9c/0x1a0',
      ' handle_pmi_common+0x1a3/0x2c0',
      ' intel_pmu_handle_irq+0x10c/0x490',
      ' perf_event_nmi_handler+0x2a/0x50',
      ' nmi_handle+0x60/0x120',
      ' default_do_nmi+0x40/0x100',
      ' exc_nmi+0x130/0x180',
      ' end_repeat_nmi+0xe/0x53',
      `RIP: 0010:${name}+0x17/0x40 [mine]`,
      'Code: f3 90 <eb> fc',
      'RSP: 0018:ffffc90000a7fe40 EFLAGS: 00000002',
      ' </NMI>',
      ' <TASK>',
      ` ${name}_work+0x20/0x60 [mine]`,
      ' process_one_work+0x1e5/0x3b0',
      ' </TASK>',
    ]);

  test('a hard lockup: what the NMI interrupted; two drivers have two signatures', () => {
    const [one, two] = [causeOf(hardLockup('alpha_spin')), causeOf(hardLockup('beta_spin'))];
    expect(one).toMatchObject({ class: 'hard-lockup', culprit: { name: 'alpha_spin', module: 'mine' } });
    expect(two.culprit?.name).toBe('beta_spin');
    expect(signatureOf(one)).not.toBe(signatureOf(two));
  });

  test('another CPU saw the lockup: the backtrace of the one that is stuck', () => {
    const log = timed(30, [
      'watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 2',
      'Modules linked in: mine(OE)',
      CPU('watcher', 7, 1),
      'RIP: 0010:pv_native_safe_halt+0xf/0x20',
      ...trace('default_idle'),
      'Sending NMI from CPU 1 to CPUs 2:',
      'NMI backtrace for cpu 2',
      CPU('worker', 55, 2),
      'RIP: 0010:native_queued_spin_lock_slowpath+0x6e/0x2d0',
      ...trace('_raw_spin_lock_irqsave', 'gamma_lock', 'gamma_work'),
      'Kernel panic - not syncing: Hard LOCKUP',
    ]);
    expect(causeOf(log)).toMatchObject({
      culprit: { name: 'gamma_lock' },
      site: { task: { comm: 'worker', cpu: 2 } },
    });
  });

  test('the stack protector names the function itself', () => {
    const log = timed(5, [
      'Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: foo_parse+0x1f2/0x200 [foo]',
      CPU('cat'),
      'Call Trace:',
      ' <TASK>',
      ' dump_stack_lvl+0x44/0x5c',
      ' panic+0x118/0x2f4',
      ' __stack_chk_fail+0x10/0x10',
      ' foo_parse+0x1f2/0x200 [foo]',
      ' </TASK>',
    ]);
    expect(causeOf(log)).toMatchObject({
      class: 'stack-protector',
      culprit: { name: 'foo_parse', module: 'foo' },
    });
  });

  test('a reference count: who dropped it, and not refcount_warn_saturate', () => {
    const log = timed(5, [
      '------------[ cut here ]------------',
      'refcount_t: underflow; use-after-free.',
      'WARNING: CPU: 1 PID: 88 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110',
      CPU('busybox', 88),
      'RIP: 0010:refcount_warn_saturate+0xba/0x110',
      ...trace('mine_put', 'mine_release'),
      'Kernel panic - not syncing: kernel: panic_on_warn set ...',
    ]);
    expect(causeOf(log)).toMatchObject({ class: 'refcount', culprit: { name: 'mine_put' } });
  });

  test.each([
    ['WARNING: CPU: 1 PID: 91 at drivers/x.c:12 mine_check+0x1/0x2 [mine]', 'insmod', 91],
    // Since 6.18.
    ['WARNING: drivers/x.c:12 at mine_check+0x1/0x2 [mine], CPU#1: insmod/91', 'insmod', 91],
  ])('%s', (line, comm, pid) => {
    const log = timed(5, [
      line,
      CPU('insmod', 91),
      ...trace('x'),
      'Kernel panic - not syncing: kernel: panic_on_warn set ...',
    ]);
    expect(causeOf(log)).toMatchObject({
      class: 'warning',
      culprit: { name: 'mine_check', module: 'mine' },
      site: { task: { comm, pid } },
    });
  });

  test('arm64', () => {
    const log = timed(5, [
      'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010',
      'Mem abort info:',
      'Internal error: Oops: 0000000096000004 [#1] SMP',
      'Modules linked in: mine(OE) [last unloaded: gone]',
      'CPU: 1 UID: 0 PID: 91 Comm: insmod Tainted: G           OE      6.12.1-arm64 #1',
      'pc : mine_read+0x1c/0x40 [mine]',
      'lr : mine_init+0x20/0x1000 [mine]',
      'sp : ffff80008230bb00',
      'x29: ffff80008230bb00 x28: 0000000000000000',
      'Call trace:',
      ' mine_read+0x1c/0x40 [mine] (P)',
      ' mine_init+0x20/0x1000 [mine]',
      ' do_one_initcall+0x60/0x1d4',
      'Code: d503201f f9400001 (f9400820)',
      '---[ end trace 0000000000000000 ]---',
      'Kernel panic - not syncing: Oops: Fatal exception',
    ]);
    const { class: name, culprit, site } = causeOf(log);
    expect({ name, culprit: culprit?.name, task: site.task?.comm }).toEqual({
      name: 'null-pointer',
      culprit: 'mine_read',
      task: 'insmod',
    });
    expect(site.registers).toMatchObject({ sp: 'ffff80008230bb00', x29: 'ffff80008230bb00' });
    expect(site.code).toBe('d503201f f9400001 (f9400820)');
  });
});

test('a machine check: bank, status, address, CPU', () => {
  const log = timed(5, [
    'mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 7: be00000000800400',
    'mce: [Hardware Error]: RIP !INEXACT! 10:<ffffffff81a2b3c4> {native_safe_halt+0xe/0x20}',
    'mce: [Hardware Error]: TSC 2a5b6c7d8e ADDR 3f7a1000 MISC 86',
    'mce: [Hardware Error]: PROCESSOR 0:306f2 TIME 1700000000 SOCKET 0 APIC 6 microcode 49',
    'mce: [Hardware Error]: Machine check: Processor context corrupt',
    'Kernel panic - not syncing: Fatal machine check',
  ]);
  const { crash } = reportOf(DUMP, log, 'web7');
  expect(crash.class).toBe('machine-check');
  expect(crash.machineChecks).toEqual([{ cpu: 3, bank: 7, status: 'be00000000800400', address: '3f7a1000' }]);
  expect(reportPage(reportOf(DUMP, log, 'web7'))).toContain(
    'CPU 3, bank 7, status be00000000800400, address 3f7a1000',
  );
});

test('hung tasks: the first, how many, and whom they wait for', () => {
  const hung = (comm: string, pid: number, blocker: string) => [
    `INFO: task ${comm}:${pid} blocked for more than 122 seconds.`,
    '      Tainted: G           OE      6.16.0 #1',
    '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
    `task:${comm}         state:D stack:0     pid:${pid}    tgid:${pid}    ppid:1      flags:0x00004002`,
    ...trace(
      '__schedule',
      'schedule',
      'schedule_preempt_disabled',
      '__mutex_lock.constprop.0',
      'mine_lock',
      'mine_ioctl',
    ),
    `INFO: task ${comm}:${pid} ${blocker}`,
  ];
  const log = [
    timed(100, hung('old', 7, 'is blocked on a mutex, but the owner is not found.')),
    timed(900, hung('first', 71, 'is blocked on a mutex likely owned by task holder:70.')),
    timed(
      900.5,
      hung('second', 72, '<writer> blocked on an rw-semaphore likely owned by task reader x:73 <reader>'),
    ),
    timed(901, ['Kernel panic - not syncing: hung_task: blocked tasks', CPU('khungtaskd', 28, 0)]),
  ].join('\n');
  const { crash } = reportOf(DUMP, log, 'web7');
  expect(crash).toMatchObject({ class: 'hung-task', blame: 'mine_lock', task: { comm: 'first', pid: 71 } });
  expect(crash.hungTasks).toEqual([
    { comm: 'first', pid: 71, waitsFor: { comm: 'holder', pid: 70 } },
    { comm: 'second', pid: 72, waitsFor: { comm: 'reader x', pid: 73 } },
  ]);
});

test('a task that waits for a frozen file system: the one that wants to write is to blame', () => {
  const log = [
    timed(40, [
      'INFO: task init:1 blocked for more than 5 seconds.',
      'task:init            state:D stack:0     pid:1     ppid:0      flags:0x00000002',
      ...trace(
        '__schedule',
        'schedule',
        'percpu_rwsem_wait',
        '__percpu_down_read',
        'mnt_want_write',
        'path_openat',
      ),
    ]),
    timed(41, ['Kernel panic - not syncing: hung_task: blocked tasks', CPU('khungtaskd', 28, 0)]),
  ].join('\n');
  expect(reportOf(DUMP, log, 'web7').crash).toMatchObject({ class: 'hung-task', blame: 'mnt_want_write' });
});

test('what engineers need is kept: offsets, code, registers, doubtful frames, unloaded modules, the raw oops', () => {
  const oops = OOPS('mine_first', 1);
  const lines = [
    ...oops.slice(0, 8),
    'Call Trace:',
    ' <TASK>',
    ' ? doubtful_one+0x3/0x8',
    ' mine_ioctl+0x44/0x90 [mine]',
    ' </TASK>',
    'Modules linked in: mine(OE) [last unloaded: gone]',
    '---[ end trace 0000000000000000 ]---',
  ];
  const report = reportOf(DUMP, timed(5, [...lines, 'Kernel panic - not syncing: Fatal exception']), 'web7');
  expect(report.crash).toMatchObject({
    culprit: { name: 'mine_first', offset: '0x12', size: '0x30', module: 'mine' },
    code: '48 8b 00 <48> 8b 40 08',
    registers: { RAX: '0000000000000000', RBX: 'ffff888100000000', EFLAGS: '00010246' },
    lastUnloaded: 'gone',
    trace: [
      { name: 'doubtful_one', doubtful: true, offset: '0x3' },
      { name: 'mine_ioctl', offset: '0x44', size: '0x90' },
    ],
  });
  expect(report.crash.oops).toEqual(lines);
  const page = reportPage(report);
  for (const text of [
    '? doubtful_one+0x3/0x8',
    'mine_ioctl+0x44/0x90 [mine]',
    '48 8b 00 <48> 8b 40 08',
    'RBX=ffff888100000000',
    'last unloaded',
  ])
    expect(page).toContain(text);
});
