/** The stack that a kernel printed against the one that was read: on logs of real crashes, and with a frame that differs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { differenceFromPrinted, printedStacks } from '../../../../qemu/judges/printed-stack.ts';

const NO_ENDS: ReadonlySet<string> = new Set();
const LOGS = join(import.meta.dirname, '../../scripts/report/logs');
const linesOf = (name: string) => readFileSync(join(LOGS, `${name}.txt`), 'latin1').split('\n');

test.each([
  [
    '6.1-null-pointer',
    { cpu: 1, pid: 91 },
    'labcrash_null+0xf [labcrash]',
    'entry_SYSCALL_64_after_hwframe+0x6e',
    7,
  ],
  [
    '7.2-null-pointer',
    { cpu: 1, pid: 109 },
    'labcrash_null+0xf [labcrash]',
    'entry_SYSCALL_64_after_hwframe+0x76',
    9,
  ],
  ['6.1-nmi', { cpu: 0, pid: 0 }, 'dump_stack_lvl+0x44', 'secondary_startup_64_no_verify+0xe4', 15],
])('%s', (name, task, first, last, count) => {
  const stack = printedStacks(linesOf(name)).at(-1)!;
  expect(stack).toMatchObject(task);
  expect(stack.frames).toHaveLength(count);
  expect([stack.frames[0], stack.frames.at(-1)]).toEqual([first, last]);
});

test('the instruction that an interrupt came between is a frame', () => {
  const { frames } = printedStacks(linesOf('6.1-soft-lockup')).at(-1)!;
  const at = frames.indexOf('labcrash_spin+0xe [labcrash]');
  expect(frames.slice(at - 1, at + 2)).toEqual([
    'asm_sysvec_apic_timer_interrupt+0x16',
    'labcrash_spin+0xe [labcrash]',
    'labcrash_init+0x3c [labcrash]',
  ]);
});

/** As `hrtimer: interrupt took …` in a trace of 6.1 on a busy host. */
test('a line that something else prints meanwhile is no end of the trace', () => {
  const lines = linesOf('6.1-null-pointer');
  const { frames } = printedStacks(lines).at(-1)!;
  const within = lines.findLastIndex(line => line.includes(frames[2]!));
  const time = '[    6.721840] ';
  const disturbed = lines.toSpliced(within, 0, `${time}hrtimer: interrupt took 16709500 ns`);
  expect(printedStacks(disturbed).at(-1)!.frames).toEqual(frames);
});

const INNER = [
  'machine_kexec+0x1',
  '__crash_kexec+0x2',
  'asm_exc_page_fault+0x22',
  'labcrash_write+0x5 [labcrash]',
];

test('what was read may have more inner frames, and no other outer ones', () => {
  const lines = linesOf('6.1-null-pointer');
  const { frames } = printedStacks(lines).at(-1)!;
  const read = (outer: readonly string[]) => ({
    cpu: 1,
    pid: 91,
    frames: [...INNER, ...outer],
    atEnd: NO_ENDS,
  });
  expect(differenceFromPrinted(lines, read(frames))).toEqual({ printed: 7 });
  expect(differenceFromPrinted(lines, read(frames.slice(0, -1)))).toMatchObject({
    difference: expect.stringMatching(/ was printed, .* read$/),
  });
  const wrong = frames.map((frame, i) => (i === 2 ? 'other+0x1' : frame));
  expect(differenceFromPrinted(lines, read(wrong))).toEqual({
    printed: 7,
    difference: 'do_one_initcall+0x59 was printed, other+0x1 read',
  });
  expect(differenceFromPrinted(lines, { ...read(frames), frames: [] })).toMatchObject({
    difference: expect.stringContaining('nothing read'),
  });
});

test('frames up to the one that printed are not compared', () => {
  const lines = linesOf('6.1-sysrq');
  const printed = printedStacks(lines).at(-1)!;
  const outer = printed.frames.slice(printed.frames.findIndex(frame => frame.startsWith('panic+')) + 1);
  const read = {
    cpu: printed.cpu,
    pid: printed.pid,
    frames: ['__crash_kexec+0x6a', 'panic+0x999', ...outer],
    atEnd: NO_ENDS,
  };
  expect(differenceFromPrinted(lines, read)).toEqual({ printed: outer.length });
});

test('a task of which the kernel printed nothing', () => {
  expect(differenceFromPrinted(linesOf('6.1-sysrq'), { cpu: 7, pid: 7, frames: [], atEnd: NO_ENDS })).toBe(
    'not printed',
  );
  expect(differenceFromPrinted([], { cpu: 0, pid: 1, frames: [], atEnd: NO_ENDS })).toBe('not printed');
});

/** A panic by sysrq on Debian's 6.12.117+deb12-cloud-arm64, in QEMU. */
const OF_ARM64 =
  `[    8.251036] CPU: 0 UID: 0 PID: 1 Comm: init Kdump: loaded Not tainted 6.12.117+deb12-cloud-arm64 #1  Debian 6.12.117-1~deb12u1
[    8.251580] Hardware name: linux,dummy-virt (DT)
[    8.251759] Call trace:
[    8.251892]  dump_backtrace+0xa0/0x128
[    8.252520]  show_stack+0x20/0x38
[    8.252652]  dump_stack_lvl+0x38/0x90
[    8.252761]  dump_stack+0x18/0x28
[    8.252842]  panic+0x398/0x400
[    8.252936]  sysrq_handle_crash+0x20/0x28
[    8.253050]  __handle_sysrq+0xb4/0x1e0
[    8.253154]  write_sysrq_trigger+0xec/0x108
[    8.253247]  proc_reg_write+0xa4/0x100
[    8.253338]  vfs_write+0xdc/0x3b8
[    8.253417]  ksys_write+0x7c/0x120
[    8.253490]  __arm64_sys_write+0x24/0x38
[    8.253585]  invoke_syscall+0x60/0xe0
[    8.253677]  el0_svc_common.constprop.0+0x48/0xf0
[    8.253774]  do_el0_svc+0x24/0x38
[    8.253848]  el0_svc+0xc0/0x150
[    8.253933]  el0t_64_sync_handler+0xc8/0xe0
[    8.254043]  el0t_64_sync+0x190/0x198
[    8.254648] SMP: stopping secondary CPUs`.split('\n');

test('on arm64 it is compared from the function that called panic on', () => {
  const read = (called: string) => ({
    cpu: 0,
    pid: 1,
    atEnd: NO_ENDS,
    frames: [
      ...['__crash_kexec+0x164', 'panic+0x374', called, '__handle_sysrq+0xb4', 'write_sysrq_trigger+0xec'],
      ...['proc_reg_write+0xa4', 'vfs_write+0xdc', 'ksys_write+0x7c', '__arm64_sys_write+0x24'],
      ...['invoke_syscall+0x60', 'el0_svc_common+0x48', 'do_el0_svc+0x24', 'el0_svc+0xc0'],
      ...['el0t_64_sync_handler+0xc8', 'el0t_64_sync+0x190'],
    ],
  });
  expect(differenceFromPrinted(OF_ARM64, read('sysrq_handle_crash+0x20'))).toEqual({ printed: 13 });
  expect(differenceFromPrinted(OF_ARM64, read('sysrq_handle_crash+0x24'))).toMatchObject({
    difference: 'sysrq_handle_crash+0x20 was printed, sysrq_handle_crash+0x24 read',
  });
});

/** The same on Debian's 6.1.0-56-cloud-arm64, whose function ends with the call of panic: that of the next one was printed. */
const BEHIND_THE_CALL =
  `[    9.749069] CPU: 1 PID: 1 Comm: init Kdump: loaded Not tainted 6.1.0-56-cloud-arm64 #1  Debian 6.1.192-2
[    9.752154] Call trace:
[    9.759424]  dump_stack+0x18/0x34
[    9.760907]  panic+0x184/0x364
[    9.762213]  sysrq_reset_seq_param_set+0x0/0xa0
[    9.764443]  __handle_sysrq+0x90/0x19c
[    9.782291]  el0t_64_sync+0x18c/0x190`.split('\n');

test.each([
  ['the end of the function that called', 'sysrq_handle_crash+0x20', true],
  ['another place of it', 'sysrq_handle_crash+0x1c', false],
])('behind a call that does not return: %s', (_, caller, agrees) => {
  const frames = ['panic+0x198', caller, '__handle_sysrq+0x90', 'el0t_64_sync+0x18c'];
  const read = { cpu: 1, pid: 1, frames, atEnd: new Set(['sysrq_handle_crash+0x20']) };
  const found = differenceFromPrinted(BEHIND_THE_CALL, read);
  const difference = `sysrq_reset_seq_param_set+0x0 was printed, ${caller} read`;
  expect(found).toEqual({ printed: 3, ...(!agrees && { difference }) });
});
