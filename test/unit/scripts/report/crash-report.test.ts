/** Reports of real logs: stock Debian kernels that were made to crash, from the crash on. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findCause } from '../../../../scripts/lib/report/cause.ts';
import { type CrashReport, reportOf } from '../../../../scripts/lib/report/crash-report.ts';
import { readStory } from '../../../../scripts/lib/report/events.ts';
import { logLines } from '../../../../scripts/lib/report/log-lines.ts';
import { signatureOf } from '../../../../scripts/lib/report/signature.ts';
import { reportLines, reportPage } from '../../../../scripts/lib/report/text.ts';

const LOGS = join(import.meta.dirname, 'logs');
const readLog = (name: string) => readFileSync(join(LOGS, `${name}.txt`), 'utf8');
const causeOf = (log: string) => findCause(readStory(logLines(log)), undefined);
const signature = (log: string) => signatureOf(causeOf(log));
const frames = (log: string, count: number) =>
  causeOf(log)
    .site.trace.filter(({ doubtful }) => !doubtful)
    .slice(0, count)
    .map(({ name }) => name);

/** What a person who reads the log says of it. */
const EXPECTED: Readonly<Record<string, { class: string; blame?: string; comm: string; trace: string[] }>> = {
  '6.1-sysrq': { class: 'sysrq', comm: 'init', trace: ['dump_stack_lvl', 'panic', 'sysrq_handle_crash'] },
  '5.10-sysrq': { class: 'sysrq', comm: 'init', trace: ['dump_stack', 'panic', 'sysrq_handle_crash'] },
  '6.12-sysrq': { class: 'sysrq', comm: 'init', trace: ['panic', 'sysrq_handle_crash', '__handle_sysrq'] },
  '7.2-sysrq': {
    class: 'sysrq',
    comm: 'init',
    trace: ['dump_stack_lvl', 'vpanic', 'panic', 'sysrq_handle_crash'],
  },
  '6.1-null-pointer': {
    class: 'null-pointer',
    blame: 'labcrash_write',
    comm: 'insmod',
    trace: ['labcrash_null', 'labcrash_init', 'do_one_initcall'],
  },
  '7.2-null-pointer': {
    class: 'null-pointer',
    blame: 'labcrash_write',
    comm: 'insmod',
    trace: ['labcrash_null', 'labcrash_init', 'do_one_initcall'],
  },
  '6.1-bug': {
    class: 'bug',
    blame: 'labcrash_bug',
    comm: 'busybox',
    trace: ['labcrash_init', 'do_one_initcall', 'do_init_module'],
  },
  '6.1-list-corruption': {
    class: 'corrupt-list',
    blame: 'labcrash_list',
    comm: 'busybox',
    trace: ['labcrash_list', 'labcrash_init', 'do_one_initcall'],
  },
  '6.1-general-protection': {
    class: 'general-protection',
    blame: 'labcrash_gpf',
    comm: 'busybox',
    trace: ['labcrash_init', 'do_one_initcall', 'do_init_module'],
  },
  '6.1-hung-task': {
    class: 'hung-task',
    blame: 'labcrash_init',
    comm: 'busybox',
    trace: ['__schedule', 'schedule', 'labcrash_init'],
  },
  '6.1-soft-lockup': {
    class: 'soft-lockup',
    blame: 'labcrash_spin',
    comm: 'busybox',
    trace: ['labcrash_init', 'do_one_initcall', 'do_init_module'],
  },
  '6.1-out-of-memory': {
    class: 'out-of-memory',
    comm: 'busybox',
    trace: ['dump_stack_lvl', 'panic', 'out_of_memory'],
  },
  '6.1-init-killed': { class: 'init-killed', comm: 'init', trace: ['dump_stack_lvl', 'panic', 'do_exit'] },
  '6.1-no-root': {
    class: 'no-root',
    comm: 'swapper/0',
    trace: ['dump_stack_lvl', 'panic', 'mount_block_root'],
  },
  '6.1-warning': {
    class: 'warning',
    blame: 'lc_warn',
    comm: 'busybox',
    trace: ['labcrash_init', 'do_one_initcall', 'do_init_module'],
  },
  '6.1-panic': {
    class: 'panic',
    blame: 'lc_panic',
    comm: 'busybox',
    trace: ['dump_stack_lvl', 'panic', 'lc_panic'],
  },
  '6.1-refcount': {
    class: 'refcount',
    blame: 'lc_refcount',
    comm: 'busybox',
    trace: ['lc_refcount', 'labcrash_init', 'do_one_initcall'],
  },
  '6.1-stack-overflow': {
    class: 'stack-overflow',
    blame: 'lc_recurse',
    comm: 'busybox',
    trace: ['lc_recurse', 'lc_recurse', 'lc_recurse'],
  },
  '6.1-stack-protector': {
    class: 'stack-protector',
    blame: 'lc_smash',
    comm: 'busybox',
    trace: ['dump_stack_lvl', 'panic', '__stack_chk_fail'],
  },
  '6.1-divide-error': {
    class: 'divide-error',
    blame: 'lc_div',
    comm: 'busybox',
    trace: ['labcrash_init', 'do_one_initcall', 'do_init_module'],
  },
  '6.1-jump-to-null': { class: 'null-pointer', blame: 'labcrash_init', comm: 'busybox', trace: [] },
  '6.1-page-fault': {
    class: 'page-fault',
    blame: 'lc_pagefault',
    comm: 'busybox',
    trace: ['labcrash_init', 'do_one_initcall', 'do_init_module'],
  },
  '6.1-page-fault-in-worker': {
    class: 'page-fault',
    blame: 'lc_pagefault',
    comm: 'kworker/0:1',
    trace: ['process_one_work', 'worker_thread', 'kthread'],
  },
  '6.1-null-in-timer': {
    class: 'null-pointer',
    blame: 'lc_timer_null',
    comm: 'swapper/1',
    trace: ['call_timer_fn', '__run_timers', 'run_timer_softirq'],
  },
  '6.1-null-in-ipi': {
    class: 'null-pointer',
    blame: 'lc_timer_null',
    comm: 'rcu_preempt',
    trace: [
      '__flush_smp_call_function_queue',
      '__sysvec_call_function_single',
      'sysvec_call_function_single',
    ],
  },
  '6.1-rcu-stall-self': {
    class: 'rcu-stall',
    blame: 'lc_stall',
    comm: 'busybox',
    trace: ['labcrash_init', 'do_one_initcall', 'do_init_module'],
  },
  '6.1-rcu-stall-other-cpu': {
    class: 'rcu-stall',
    blame: 'lc_spin_irqoff',
    comm: 'lc_spinner',
    trace: ['lc_spin_thread', 'kthread', 'ret_from_fork'],
  },
  '6.1-hung-tasks': {
    class: 'hung-task',
    blame: 'lc_waiter',
    comm: 'lc_first',
    trace: ['__schedule', 'schedule', 'schedule_preempt_disabled'],
  },
  '6.1-double-free': {
    class: 'bug',
    blame: 'lc_free_twice',
    comm: 'busybox',
    trace: ['lc_free_twice', 'labcrash_init', 'do_one_initcall'],
  },
  '6.1-init-exit': { class: 'init-killed', comm: 'init', trace: ['dump_stack_lvl', 'panic', 'do_exit'] },
  '6.1-nmi': { class: 'nmi', comm: 'swapper/0', trace: ['dump_stack_lvl', 'panic', 'nmi_panic'] },
};

test('every log has its expectation', () => {
  expect(globSync('*.txt', { cwd: LOGS }).sort()).toEqual(
    Object.keys(EXPECTED)
      .map(name => `${name}.txt`)
      .sort(),
  );
});

describe.each(Object.entries(EXPECTED))('%s', (name, expected) => {
  const log = readLog(name);
  const { class: found, culprit, site } = causeOf(log);

  test('class, blame, task, trace', () => {
    expect({ class: found, blame: culprit?.name, comm: site.task?.comm }).toEqual({
      class: expected.class,
      blame: expected.blame,
      comm: expected.comm,
    });
    expect(frames(log, expected.trace.length)).toEqual(expected.trace);
    expect(site.hardware).toContain('QEMU Standard PC');
    expect(reportOf(dump(), log, 'web7').crash.uptimeSeconds).toBeGreaterThan(2);
  });

  test('as with caller ids, and without times', () => {
    const withCallers = log.replaceAll(/^(\[ *\d+\.\d+\] )/gm, '$1[    T123] ');
    expect(causeOf(withCallers).site).toEqual(site);
    expect(signature(withCallers)).toBe(signature(log));
    const withoutTimes = log.replaceAll(/^\[ *\d+\.\d+\] /gm, '');
    expect(causeOf(withoutTimes).site).toEqual(site);
    expect(signature(withoutTimes)).toBe(signature(log));
  });

  test('cut anywhere, it is a report all the same', () => {
    for (let length = 0; length < log.length; length += 97) {
      const report = reportOf(dump(), log.slice(0, length), 'web7');
      expect(reportPage(report)).toContain('Next');
    }
  });
});

test('taint, and the modules that it comes from', () => {
  for (const version of ['6.1', '7.2']) {
    const { site } = causeOf(readLog(`${version}-null-pointer`));
    expect(site.taints.map(({ letter }) => letter)).toEqual(['O', 'E']);
    expect(site.modules).toEqual(['labcrash(OE+)']);
    expect(site.at).toMatchObject({ name: 'labcrash_write', module: 'labcrash' });
  }
  const letters = (name: string) => causeOf(readLog(name)).site.taints.map(({ letter }) => letter);
  expect(letters('6.1-sysrq')).toEqual([]);
  for (const version of ['5.10', '6.12', '7.2']) expect(letters(`${version}-sysrq`)).toEqual(['W']);
});

test('registers are those of the fault, without the segments before them', () => {
  const { registers } = causeOf(readLog('6.1-null-pointer')).site;
  expect(registers).toMatchObject({
    RSP: 'ff8484f1803a3db0',
    RAX: '0000000000000000',
    CR2: 'ffffffffc0429fdb',
  });
  expect(registers).not.toHaveProperty('RIP');
});

describe('signature', () => {
  test('one cause on two kernels is one crash', () => {
    expect(signature(readLog('6.1-null-pointer'))).toBe(signature(readLog('7.2-null-pointer')));
  });

  test('is of the functions, and not of addresses, offsets, process ids', () => {
    const log = readLog('6.1-null-pointer');
    const other = log
      .replaceAll('+0xf/0x20', '+0x123/0x456')
      .replaceAll('0000000000000018', '0000000000000020')
      .replaceAll('PID: 91', 'PID: 4711')
      .replaceAll('labcrash_init+', 'labcrash_init.cold+');
    expect(signature(other)).toBe(signature(log));
    expect(signature(log.replaceAll('labcrash_null', 'labcrash_other'))).not.toBe(signature(log));
  });

  test('names the class; a panic of no class is distinguished by its words without numbers', () => {
    const panic = (text: string) => signature(`[    1.000000] Kernel panic - not syncing: ${text}\n`);
    expect(panic('device 7 is gone at ffff8881')).toBe(panic('device 12 is gone at ffff9999'));
    expect(panic('device 7 is gone')).not.toBe(panic('device 7 is lost'));
    expect(panic('device 7 is gone')).toMatch(/^panic-[0-9a-f]{12}$/);
  });
});

/** What the kernel says at the end of reports that are no oopses. */
const PANIC_AFTER: Readonly<Record<string, string>> = {
  warning: 'panic_on_warn set ...',
  'soft-lockup': 'softlockup: hung tasks',
  'rcu-stall': 'RCU Stall',
  'hung-task': 'hung_task: blocked tasks',
};

test.each([
  ['BUG: unable to handle page fault for address: ffff1234', 'page-fault'],
  [
    'general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]',
    'general-protection',
  ],
  ['divide error: 0000 [#1] PREEMPT SMP', 'divide-error'],
  ['kernel BUG at mm/slub.c:4031!', 'bug'],
  ['watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:70]', 'soft-lockup'],
  ['Kernel panic - not syncing: Hard LOCKUP', 'hard-lockup'],
  ['rcu: INFO: rcu_preempt self-detected stall on CPU', 'rcu-stall'],
  ['INFO: task labhang:71 blocked for more than 5 seconds.', 'hung-task'],
  ['Kernel panic - not syncing: Out of memory: compulsory panic_on_oom', 'out-of-memory'],
  ['Kernel panic - not syncing: System is deadlocked on memory', 'out-of-memory'],
  ['Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300', 'init-killed'],
  ['BUG: stack guage page', 'bug'],
  ['BUG: TASK stack guard page was hit at 00000000', 'stack-overflow'],
  ['WARNING: CPU: 1 PID: 91 at kernel/x.c:12 f+0x1/0x2', 'warning'],
  ['Kernel panic - not syncing: Fatal Machine check', 'machine-check'],
  ['list_del corruption. prev->next should be x', 'corrupt-list'],
])('%s is of class %s', (reason, expected) => {
  const end = reason.startsWith('Kernel panic') ? '' : (PANIC_AFTER[expected] ?? 'Fatal exception');
  expect(causeOf(`${reason}\nKernel panic - not syncing: ${end}\n`).class).toBe(expected);
});

test('a log that says nothing, and none', () => {
  expect(reportOf(dump(), '', 'web7').crash).toMatchObject({
    class: 'unknown',
    meaning: 'The log does not say why',
  });
  expect(causeOf('[    0.000000] Linux version 6.1\n').class).toBe('unknown');
});

function dump(): Parameters<typeof reportOf>[0] {
  const directory = '/var/crash/20261126T100955Z';
  const files = [
    { name: 'vmcore', bytes: 16_768_176 },
    { name: 'vmcore-dmesg.txt', bytes: 26_160 },
  ];
  return {
    id: '20261126T100955Z',
    directory,
    state: 'complete',
    time: new Date('2026-11-26T10:09:55Z'),
    timeBy: 'unset clock',
    dumpFile: 'vmcore',
    logFile: 'vmcore-dmesg.txt',
    files,
  };
}

describe('said', () => {
  let report: CrashReport;
  report = reportOf(dump(), readLog('6.1-null-pointer'), 'web7');

  test('one line for a list', () => {
    expect(report.summary).toBe(
      'web7: Kernel code dereferenced a NULL pointer, in labcrash_write [labcrash] (6.1.0-56-cloud-amd64)',
    );
  });

  test('the page: why, where, since when, what was saved, what to type; and no wider than a terminal of a hundred', () => {
    const page = reportPage(report);
    for (const words of [
      'BUG: kernel NULL pointer dereference, address: 0000000000000018',
      'insmod (pid 91) on CPU 1',
      '2026-11-26T10:09:31Z, up 23.2 s',
      'vmcore 16768176',
      'apt install linux-image-6.1.0-56-cloud-amd64-dbg',
      'kdumpling debug 20261126T100955Z',
      'kdumpling upload --report 20261126T100955Z URL',
    ])
      expect(page).toContain(words);
    const facts = page.split('\nNext\n')[0].split('\n');
    expect(Math.max(...facts.map(line => line.length))).toBeLessThanOrEqual(100);
    expect(page.split('\n').length).toBeLessThan(50);
  });

  test('the journal: each line says which crash it is of', () => {
    const lines = reportLines(report);
    expect(lines.every(line => line.startsWith('crash 20261126T100955Z: ') && !line.includes('\n'))).toBe(
      true,
    );
    expect(lines.join('\n')).toContain('call trace: labcrash_null < labcrash_init');
  });

  test('an incomplete dump without a log', () => {
    report = reportOf({ ...dump(), state: 'incomplete', why: 'the disk is full', files: [] }, '', 'web7');
    expect(reportPage(report)).toContain('incomplete: the disk is full');
    expect(reportPage(report)).not.toContain('apt install');
  });
});

test('a time of which there is no date leaves out when the machine booted', () => {
  const dump = {
    id: 'x',
    directory: '/var/crash/x',
    state: 'complete',
    time: new Date(0),
    timeBy: 'file' as const,
    files: [],
  };
  const log = '[144115188075855873.000000] Kernel panic - not syncing: sysrq triggered crash\n';
  expect(reportOf(dump, log, undefined).when).not.toHaveProperty('booted');
});
