/** The cause of a crash by memory first and log second. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Autopsy, AutopsyCrash, StackFrame } from '../../../../capture/autopsy/summary/autopsy.ts';
import { type CrashReport, reportOf } from '../../../../scripts/lib/report/crash-report.ts';
import { reportPage } from '../../../../scripts/lib/report/text.ts';
import { DUMP } from '../../../support/found-dump.ts';

const readLog = (name: string) => readFileSync(join(import.meta.dirname, 'logs', `${name}.txt`), 'utf8');

/** `!name` was interrupted, or called what was; `?name` is doubtful; `name@module`. */
const frames = (text: string): StackFrame[] =>
  text.split(' ').map((word, i) => {
    const [, marks = '', name, module] = /^([!?]*)([^@]+)(?:@(.*))?$/.exec(word)!;
    return {
      address: `0x${(0x1000 + i).toString(16)}`,
      name: name!,
      offset: '0x10',
      size: '0x40',
      ...(module && { module }),
      ...(marks.includes('!') && { interrupted: true }),
      ...(marks.includes('?') && { doubtful: true as const }),
    };
  });

const GONE = { missing: 'not here' };
function autopsy(crash: Partial<AutopsyCrash> | { missing: string }, others: Partial<Autopsy> = {}): Autopsy {
  return {
    format: 1,
    kernel: {},
    crash:
      'missing' in crash ? (crash as { missing: string }) : { cpu: 1, registers: {}, stack: GONE, ...crash },
    cpus: GONE,
    stacks: GONE,
    waits: GONE,
    modules: GONE,
    taints: GONE,
    memory: GONE,
    meminfo: GONE,
    log: GONE,
    ...others,
  };
}
const crashOf = (log: string, found?: Autopsy): CrashReport['crash'] & { signature: string } => {
  const report = reportOf(DUMP, log, 'web7', found);
  return { ...report.crash, signature: report.signature };
};

const OOPS =
  'machine_kexec __crash_kexec crash_kexec oops_end page_fault_oops exc_page_fault asm_exc_page_fault';
const NULL_STACK = frames(
  `${OOPS} !labcrash_write@labcrash !labcrash_null@labcrash !labcrash_init@labcrash !do_one_initcall !do_init_module !__do_sys_finit_module !do_syscall_64 !entry_SYSCALL_64_after_hwframe`,
);
const NULL_CRASH = {
  class: 'null-pointer',
  task: { pid: 91, comm: 'insmod' },
  registers: { RIP: 'ffffffffc042a005' },
  stack: NULL_STACK,
};

describe('an oops', () => {
  const log = readLog('6.1-null-pointer');
  const both = crashOf(log, autopsy(NULL_CRASH));

  test('pointer, trace and registers are those of memory, hardware and code of the log', () => {
    expect(both).toMatchObject({
      class: 'null-pointer',
      blame: 'labcrash_write [labcrash]',
      stackFrom: 'memory',
      differences: [],
      task: { pid: 91, comm: 'insmod', cpu: 1 },
      registers: { RIP: 'ffffffffc042a005' },
    });
    expect(both.at).toMatchObject({ name: 'labcrash_write', offset: '0x10' });
    expect(both.trace[0]).toMatchObject({ name: 'labcrash_null' });
    expect(both.hardware).toContain('QEMU');
    expect(both.code).toBeDefined();
  });

  test('its signature is the same by memory, by log and by both', () => {
    expect(both.signature).toBe(crashOf(log).signature);
    expect(crashOf('', autopsy(NULL_CRASH)).signature).toBe(both.signature);
  });

  test.each([
    ['no stack in memory', autopsy({ ...NULL_CRASH, stack: GONE })],
    ['a stack that is guessed', autopsy({ ...NULL_CRASH, stack: frames('?panic ?schedule') })],
    ['no crash in memory', autopsy(GONE)],
    ['no autopsy', undefined],
  ])('with %s it is as the log says', (_, found) => expect(crashOf(log, found)).toEqual(crashOf(log)));
});

describe('where they differ', () => {
  test('the class: the stack is believed, and it is said', () => {
    const crash = crashOf(readLog('6.1-out-of-memory'), autopsy(NULL_CRASH));
    expect(crash).toMatchObject({
      class: 'null-pointer',
      blame: 'labcrash_write [labcrash]',
      stackFrom: 'memory',
    });
    expect(crash.differences[0]).toBe(
      'By the stack in memory the crash is of class null-pointer, by the log of class out-of-memory.',
    );
  });

  test('task and culprit', () => {
    const stack = frames(`${OOPS} !other_function@other !do_syscall_64`);
    const task = { pid: 7, comm: 'other' };
    const { differences } = crashOf(readLog('6.1-null-pointer'), autopsy({ ...NULL_CRASH, stack, task }));
    expect(differences).toEqual([
      'By the memory other (pid 7) ran, by the log insmod (pid 91).',
      'By the stack in memory other_function is to blame, by the log labcrash_write.',
    ]);
  });

  test('the text page says it', () => {
    const task = { pid: 7, comm: 'other' };
    const report = reportOf(DUMP, readLog('6.1-null-pointer'), 'web7', autopsy({ ...NULL_CRASH, task }));
    expect(reportPage(report)).toContain(
      'but         By the memory other (pid 7) ran, by the log insmod (pid 91).',
    );
    expect(reportPage(report)).toContain('Call trace by the memory of the crashed kernel, innermost first');
  });
});

describe('a hang, which another task noticed', () => {
  const log = readLog('6.1-hung-task');
  const watchdog = {
    class: 'hung-task',
    task: { pid: 30, comm: 'khungtaskd' },
    stack: frames('machine_kexec __crash_kexec panic watchdog kthread ret_from_fork'),
  };
  const { task } = crashOf(log);
  const group = {
    stack: frames(
      '__schedule schedule labcrash_init@labcrash do_one_initcall do_init_module __do_sys_finit_module do_syscall_64',
    ),
    count: 1,
    states: { D: 1 },
    tasks: [{ pid: task!.pid, comm: task!.comm }],
  };

  test('has the stack of the task that hung', () => {
    const crash = crashOf(log, autopsy(watchdog, { stacks: [group] }));
    expect(crash).toMatchObject({
      class: 'hung-task',
      culprit: { name: 'labcrash_init' },
      stackFrom: 'memory',
      differences: [],
    });
    expect(crash.task).toEqual(task);
    expect(crash.signature).toBe(crashOf(log).signature);
  });

  test('and that of the log where memory does not have it', () => {
    expect(crashOf(log, autopsy(watchdog)).stackFrom).toBe('log');
    expect(crashOf(log, autopsy(watchdog)).trace).toEqual(crashOf(log).trace);
  });
});

test('what panic() ran into in its notifiers is not the cause', () => {
  const stack = frames(
    'machine_kexec __crash_kexec panic oops_end page_fault_oops exc_page_fault !lab_null@lab lab_notified@lab atomic_notifier_call_chain panic lab_panic@lab lab_write@lab',
  );
  const crash = crashOf('', autopsy({ class: 'panic', task: { pid: 9, comm: 'sh' }, stack }));
  expect(crash).toMatchObject({ class: 'panic', blame: 'lab_panic [lab]' });
  expect(crash.at).toBeUndefined();
  expect(crash.trace.map(({ name }) => name)).toEqual(['panic', 'lab_panic', 'lab_write']);
});

test('without a log, memory alone gives class, task, culprit and trace', () => {
  const lockup = {
    class: 'soft-lockup',
    task: { pid: 122, comm: 'sh' },
    stack: frames(
      'machine_kexec __crash_kexec panic watchdog_timer_fn __hrtimer_run_queues asm_sysvec_apic_timer_interrupt !lab_spin@lab !lab_write@lab',
    ),
  };
  expect(crashOf('', autopsy(lockup))).toMatchObject({
    class: 'soft-lockup',
    meaning: 'A CPU did not leave kernel code',
    blame: 'lab_spin [lab]',
    task: { pid: 122, cpu: 1 },
  });
});
