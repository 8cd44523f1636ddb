/**
 * How kernels from 5.10 to 7.x word each kind of crash, as short logs: the headline, the panic, and the trace between them. The format
 * strings are those of kernel/, mm/, lib/, arch/x86 and arch/arm64; real logs are in logs/.
 */
import { describe, expect, test } from 'vitest';
import type { ClassName } from '../../../../capture/autopsy/summary/classes.ts';
import { findCause } from '../../../../scripts/lib/report/cause.ts';
import { readStory } from '../../../../scripts/lib/report/events.ts';
import { logLines } from '../../../../scripts/lib/report/log-lines.ts';
import { signatureOf } from '../../../../scripts/lib/report/signature.ts';

interface Case {
  /** Headlines of the report. */
  readonly says: readonly string[];
  /** RIP, where the report prints one. */
  readonly at?: string;
  readonly frames?: readonly string[];
  /** What follows "Kernel panic - not syncing: "; nothing where the crash kernel is entered without panic(). */
  readonly panic?: string;
  readonly class: ClassName;
  readonly culprit?: string;
  readonly isArm64?: true;
}

const ENTERED = ['do_syscall_64', 'entry_SYSCALL_64_after_hwframe'];
const FATAL = 'Fatal exception';
const OOM_PANIC = 'Out of memory: system-wide panic_on_oom is enabled';

const CASES: Readonly<Record<string, Case>> = {
  'NULL dereference, 5.10': {
    says: [
      'BUG: kernel NULL pointer dereference, address: 0000000000000008',
      '#PF: supervisor read access in kernel mode',
      'Oops: 0000 [#1] SMP NOPTI',
    ],
    at: 'my_read',
    frames: ['my_open'],
    panic: FATAL,
    class: 'null-pointer',
    culprit: 'my_read',
  },
  'NULL dereference, old wording': {
    says: [
      'BUG: unable to handle kernel NULL pointer dereference at 0000000000000008',
      'Oops: 0000 [#1] SMP PTI',
    ],
    at: 'my_read',
    panic: FATAL,
    class: 'null-pointer',
    culprit: 'my_read',
  },
  'NULL dereference, 7.x, in interrupt': {
    says: [
      'BUG: kernel NULL pointer dereference, address: 0000000000000008',
      'Oops: Oops: 0002 [#1] SMP NOPTI',
    ],
    at: 'my_irq',
    frames: ['__handle_irq_event_percpu'],
    panic: 'Fatal exception in interrupt',
    class: 'null-pointer',
    culprit: 'my_irq',
  },
  'page fault': {
    says: [
      'BUG: unable to handle page fault for address: ffffc90012345678',
      '#PF: supervisor write access in kernel mode',
      'Oops: 0002 [#1] PREEMPT SMP',
    ],
    at: 'memcpy_orig',
    frames: ['my_copy', 'my_ioctl'],
    panic: FATAL,
    class: 'page-fault',
    culprit: 'my_copy',
  },
  'general protection fault, 5.10': {
    says: [
      'general protection fault, probably for non-canonical address 0xdead000000000122: 0000 [#1] SMP NOPTI',
    ],
    at: '__list_del_entry_valid',
    frames: ['my_unlink'],
    panic: FATAL,
    class: 'general-protection',
    culprit: 'my_unlink',
  },
  'general protection fault, 6.12': {
    says: [
      'Oops: general protection fault, probably for non-canonical address 0x6b6b6b6b6b6b6b6b: 0000 [#1] PREEMPT SMP NOPTI',
    ],
    at: 'my_walk',
    panic: FATAL,
    class: 'general-protection',
    culprit: 'my_walk',
  },
  'divide error, 7.x': {
    says: ['Oops: divide error: 0000 [#1] SMP NOPTI'],
    at: 'my_ratio',
    panic: FATAL,
    class: 'divide-error',
    culprit: 'my_ratio',
  },
  'stack segment': {
    says: ['stack segment: 0000 [#1] SMP NOPTI'],
    at: 'my_leaf',
    panic: FATAL,
    class: 'stack-segment',
    culprit: 'my_leaf',
  },
  'BUG, 5.10': {
    says: ['kernel BUG at fs/buffer.c:3063!', 'invalid opcode: 0000 [#1] SMP NOPTI'],
    at: 'my_bh',
    panic: FATAL,
    class: 'bug',
    culprit: 'my_bh',
  },
  'BUG, 7.x': {
    says: ['kernel BUG at fs/my.c:30!', 'Oops: invalid opcode: 0000 [#1] SMP NOPTI'],
    at: 'my_bh',
    panic: FATAL,
    class: 'bug',
    culprit: 'my_bh',
  },
  'list_add, 5.10': {
    says: [
      'list_add corruption. next->prev should be prev (ffff88), but was 0000. (next=ffff89).',
      'kernel BUG at lib/list_debug.c:23!',
      'invalid opcode: 0000 [#1] SMP',
    ],
    at: '__list_add_valid',
    frames: ['my_link'],
    panic: FATAL,
    class: 'corrupt-list',
    culprit: 'my_link',
  },
  'list_del, 6.12': {
    says: [
      'list_del corruption, ffff8881->next is LIST_POISON1 (dead000000000100)',
      'kernel BUG at lib/list_debug.c:56!',
      'Oops: invalid opcode: 0000 [#1] PREEMPT SMP',
    ],
    at: '__list_del_entry_valid_or_report',
    frames: ['my_unlink'],
    panic: FATAL,
    class: 'corrupt-list',
    culprit: 'my_unlink',
  },
  'double fault': {
    says: ['traps: PANIC: double fault, error_code: 0x0', 'double fault: 0000 [#1] SMP NOPTI'],
    at: 'my_deep',
    panic: FATAL,
    class: 'double-fault',
    culprit: 'my_deep',
  },
  'stack guard page': {
    says: [
      'BUG: TASK stack guard page was hit at 00000000abcd (stack is 00000000..00000000)',
      'stack guard page: 0000 [#1] PREEMPT SMP',
    ],
    at: 'my_deep',
    frames: ['my_deep', 'my_top'],
    panic: FATAL,
    class: 'stack-overflow',
    culprit: 'my_deep',
  },
  'stack end': {
    says: [],
    frames: ['schedule', 'my_wait'],
    panic: 'corrupted stack end detected inside scheduler',
    class: 'stack-overflow',
    culprit: 'my_wait',
  },
  'stack protector': {
    says: [],
    frames: ['__stack_chk_fail'],
    panic: 'stack-protector: Kernel stack is corrupted in: my_parse+0x10/0x20',
    class: 'stack-protector',
    culprit: 'my_parse',
  },
  'KASAN, without panic_on_warn, then an oops': {
    says: [
      'BUG: KASAN: slab-out-of-bounds in my_write+0x12/0x40',
      'Write of size 8 at addr ffff8881 by task cat/100',
    ],
    frames: ['kasan_report', 'my_write'],
    panic: 'KASAN: panic_on_warn set ...',
    class: 'kasan',
    culprit: 'my_write',
  },
  'KASAN, NULL dereference': {
    says: [
      'BUG: KASAN: null-ptr-deref in my_read+0x1/0x2',
      'Read of size 4 at addr 0000000000000010 by task cat/100',
    ],
    frames: ['kasan_report', 'my_read'],
    panic: 'panic_on_warn set ...',
    class: 'kasan',
    culprit: 'my_read',
  },
  KFENCE: {
    says: ['BUG: KFENCE: use-after-free read in my_read+0x1/0x2'],
    frames: [],
    panic: 'KFENCE: panic_on_warn set ...',
    class: 'kfence',
    culprit: 'my_read',
  },
  KMSAN: {
    says: ['BUG: KMSAN: uninit-value in my_check+0x1/0x2'],
    frames: ['my_check'],
    panic: 'kmsan.panic set ...',
    class: 'kmsan',
    culprit: 'my_check',
  },
  UBSAN: {
    says: [
      'UBSAN: array-index-out-of-bounds in drivers/my.c:12:9',
      "index 9 is out of range for type 'int [8]'",
    ],
    frames: ['dump_stack_lvl', 'ubsan_epilogue', '__ubsan_handle_out_of_bounds', 'my_index'],
    panic: 'UBSAN: panic_on_warn set ...',
    class: 'ubsan',
    culprit: 'my_index',
  },
  'warning, 5.10': {
    says: ['WARNING: CPU: 1 PID: 100 at net/my.c:12 my_tx+0x1/0x2'],
    at: 'my_tx',
    panic: 'panic_on_warn set ...',
    class: 'warning',
    culprit: 'my_tx',
  },
  'warning, 7.x': {
    says: ['WARNING: net/my.c:12 at my_tx+0x1/0x2, CPU#1: cat/100'],
    at: 'my_tx',
    panic: 'kernel: panic_on_warn set ...',
    class: 'warning',
    culprit: 'my_tx',
  },
  'refcount, saturated': {
    says: [
      'refcount_t: saturated; leaking memory.',
      'WARNING: CPU: 1 PID: 100 at lib/refcount.c:19 refcount_warn_saturate+0x1/0x2',
    ],
    at: 'refcount_warn_saturate',
    frames: ['my_get'],
    panic: 'panic_on_warn set ...',
    class: 'refcount',
    culprit: 'my_get',
  },
  'scheduling while atomic': {
    says: ['BUG: scheduling while atomic: cat/100/0x00000002'],
    frames: ['__schedule_bug', '__schedule', 'schedule', 'my_lock'],
    panic: 'scheduling while atomic: panic_on_warn set ...',
    class: 'scheduling-while-atomic',
    culprit: 'my_lock',
  },
  'soft lockup': {
    says: ['watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [cat:100]'],
    at: 'my_loop',
    frames: ['my_ioctl'],
    panic: 'softlockup: hung tasks',
    class: 'soft-lockup',
    culprit: 'my_loop',
  },
  'soft lockup on a lock': {
    says: ['watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [cat:100]'],
    at: 'native_queued_spin_lock_slowpath',
    frames: ['_raw_spin_lock', 'my_ioctl'],
    panic: 'softlockup: hung tasks',
    class: 'soft-lockup',
    culprit: 'my_ioctl',
  },
  'hard lockup by perf': {
    says: ['NMI watchdog: Watchdog detected hard LOCKUP on cpu 1'],
    at: 'my_loop',
    panic: 'Hard LOCKUP',
    class: 'hard-lockup',
    culprit: 'my_loop',
  },
  'RCU, self-detected': {
    says: ['rcu: INFO: rcu_sched self-detected stall on CPU'],
    at: 'my_loop',
    panic: 'RCU Stall',
    class: 'rcu-stall',
    culprit: 'my_loop',
  },
  'RCU, 5.10': {
    says: ['rcu: INFO: rcu_preempt self-detected stall on CPU'],
    at: 'my_loop',
    panic: 'RCU Stall',
    class: 'rcu-stall',
    culprit: 'my_loop',
  },
  'hung task in I/O': {
    says: ['INFO: task cat:100 blocked in I/O wait for more than 122 seconds.'],
    frames: ['__schedule', 'schedule', 'io_schedule', 'folio_wait_bit_common', 'my_sync'],
    panic: 'hung_task: blocked tasks',
    class: 'hung-task',
    culprit: 'my_sync',
  },
  'out of memory': {
    says: ['cat invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0'],
    frames: ['dump_header', 'out_of_memory'],
    panic: OOM_PANIC,
    class: 'out-of-memory',
  },
  'no killable process': {
    says: [],
    frames: ['out_of_memory'],
    panic: 'System is deadlocked on memory',
    class: 'out-of-memory',
  },
  'no root': {
    says: [],
    frames: ['mount_root'],
    panic: 'VFS: Unable to mount root fs on unknown-block(0,0)',
    class: 'no-root',
  },
  'no init': {
    says: [],
    frames: ['kernel_init'],
    panic: 'No working init found.  Try passing init= option to kernel.',
    class: 'no-root',
  },
  'requested init': {
    says: [],
    frames: ['kernel_init'],
    panic: 'Requested init /x failed (error -2).',
    class: 'no-root',
  },
  'init killed': {
    says: [],
    frames: ['do_exit'],
    panic: 'Attempted to kill init! exitcode=0x00000100',
    class: 'init-killed',
  },
  'sysrq, 5.10': {
    says: ['sysrq: Trigger a crash'],
    frames: ['sysrq_handle_crash'],
    panic: 'sysrq triggered crash',
    class: 'sysrq',
  },
  'file system': {
    says: [],
    frames: ['ext4_handle_error', '__ext4_error'],
    panic: 'EXT4-fs (device sda1): panic forced after error',
    class: 'file-system',
    culprit: 'ext4_handle_error',
  },
  'hardware error by firmware': {
    says: [
      '{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 5',
      '{1}[Hardware Error]: event severity: fatal',
    ],
    frames: ['ghes_panic'],
    panic: 'Fatal hardware error!',
    class: 'machine-check',
  },
  usercopy: {
    says: [
      "usercopy: Kernel memory overwrite attempt detected to SLUB object 'x' (offset 0, size 9)!",
      'kernel BUG at mm/usercopy.c:99!',
    ],
    at: 'usercopy_abort',
    frames: ['__check_heap_object', 'my_copy'],
    panic: FATAL,
    class: 'usercopy',
    culprit: 'my_copy',
  },
  fortify: {
    says: ['detected buffer overflow in memcpy', 'kernel BUG at lib/string_helpers.c:1027!'],
    at: 'fortify_panic',
    frames: ['my_copy'],
    panic: FATAL,
    class: 'fortify',
    culprit: 'my_copy',
  },
  CFI: {
    says: [
      'CFI failure at my_call+0x1/0x2 (target: other+0x0/0x10; expected type: 0x12345678)',
      'Oops: invalid opcode: 0000 [#1] SMP',
    ],
    at: 'my_call',
    panic: FATAL,
    class: 'cfi',
    culprit: 'my_call',
  },
  'slab object': {
    says: ['BUG kmalloc-64 (Tainted: G    B  ): Redzone overwritten'],
    frames: ['object_err', 'kfree', 'my_free'],
    panic: 'panic_on_warn set ...',
    class: 'bad-slab',
    culprit: 'my_free',
  },
  'a driver calls panic': {
    says: [],
    frames: ['dump_stack_lvl', 'panic', 'my_fatal'],
    panic: 'my driver: firmware is gone',
    class: 'panic',
    culprit: 'my_fatal',
  },
  'without panic(), kexec from the oops': {
    says: ['BUG: kernel NULL pointer dereference, address: 0000000000000008', 'Oops: 0000 [#1] SMP'],
    at: 'my_read',
    class: 'null-pointer',
    culprit: 'my_read',
  },
  'arm64: paging request': {
    says: [
      'Unable to handle kernel paging request at virtual address dead000000000108',
      'Internal error: Oops: 0000000096000044 [#1] SMP',
    ],
    at: 'my_unlink',
    panic: 'Oops: Fatal exception',
    class: 'page-fault',
    culprit: 'my_unlink',
    isArm64: true,
  },
  'arm64: BUG': {
    says: ['kernel BUG at fs/my.c:30!', 'Internal error: Oops - BUG: 00000000f2000800 [#1] PREEMPT SMP'],
    at: 'my_bh',
    panic: 'Oops - BUG: Fatal exception',
    class: 'bug',
    culprit: 'my_bh',
    isArm64: true,
  },
  'arm64: SError': {
    says: ['SError Interrupt on CPU1, code 0x00000000be000011 -- SError'],
    at: 'my_mmio_read',
    panic: 'Asynchronous SError Interrupt',
    class: 'bus-error',
    culprit: 'my_mmio_read',
    isArm64: true,
  },
  'arm64: external abort': {
    says: ['Internal error: synchronous external abort: 0000000096000210 [#1] SMP'],
    at: 'my_mmio_read',
    panic: 'synchronous external abort: Fatal exception',
    class: 'bus-error',
    culprit: 'my_mmio_read',
    isArm64: true,
  },
  'arm64: stack overflow': {
    says: ['Insufficient stack space to handle exception!'],
    at: 'my_deep',
    panic: 'kernel stack overflow',
    class: 'stack-overflow',
    culprit: 'my_deep',
    isArm64: true,
  },
};

/** A hung task ran nowhere; of the others panic() itself prints the task, which these logs lack. */
const WITHOUT_TASK: readonly ClassName[] = ['hung-task', 'out-of-memory', 'sysrq', 'machine-check'];

const SIZE = '+0x10/0x40';

function logOf({ says, at, frames = [], panic, isArm64 }: Case, caller = ''): string {
  const task = `CPU: 1 ${isArm64 ? 'UID: 0 ' : ''}PID: 100 Comm: cat Tainted: G        W          6.1.0-56-amd64 #1`;
  const registers = at ? [isArm64 ? `pc : ${at}${SIZE}` : `RIP: 0010:${at}${SIZE}`] : [];
  const entry = isArm64 ? ['el0_svc', 'el0t_64_sync'] : ENTERED;
  const trace = [
    'Call Trace:',
    ' <TASK>',
    ...[...frames, ...entry].map(name => ` ${name}${SIZE}`),
    ' </TASK>',
  ];
  const end = panic === undefined ? [] : [`Kernel panic - not syncing: ${panic}`];
  const lines =
    says.length > 0
      ? [
          ...says,
          'Modules linked in: mine(OE)',
          task,
          ...registers,
          ...trace,
          '---[ end trace 0000000000000000 ]---',
          ...end,
        ]
      : [...end, task, ...registers, ...trace];
  return lines.map((text, i) => `[  100.${String(i).padStart(6, '0')}]${caller} ${text}`).join('\n');
}

const causeOf = (log: string) => findCause(readStory(logLines(log)), undefined);

describe.each(Object.entries(CASES))('%s', (_, one) => {
  const cause = causeOf(logOf(one));

  test('class, culprit, task', () => {
    expect({ class: cause.class, culprit: cause.culprit?.name }).toEqual({
      class: one.class,
      culprit: one.culprit,
    });
    if (!WITHOUT_TASK.includes(one.class)) expect(cause.site.task).toMatchObject({ pid: 100, comm: 'cat' });
  });

  test('the signature stays with another build and another process, and goes with the function', () => {
    const signature = signatureOf(cause);
    const other = logOf(one).replaceAll(SIZE, '+0x99/0x150').replaceAll('PID: 100', 'PID: 7');
    expect(signatureOf(causeOf(other))).toBe(signature);
    expect(signatureOf(causeOf(logOf(one, '[  T100]')))).toBe(signature);
    if (one.culprit?.startsWith('my_'))
      expect(signatureOf(causeOf(logOf(one).replaceAll(one.culprit, 'my_other')))).not.toBe(signature);
  });

  test('a warning of another driver an hour before changes nothing', () => {
    const stale =
      '[    5.000000] WARNING: CPU: 0 PID: 7 at drivers/gpu/drm.c:12 drm_harmless+0x1/0x20 [drm]\n[    5.000001] RIP: 0010:drm_harmless+0x1/0x20 [drm]\n[    5.000002] ---[ end trace 0000000000000000 ]---\n';
    const { class: name, culprit } = causeOf(stale + logOf(one));
    expect({ name, culprit }).toEqual({ name: one.class, culprit: cause.culprit });
  });
});

test('there are sixty logs with the real ones', async () => {
  const { globSync } = await import('node:fs');
  const real = globSync('*.txt', { cwd: new URL('./logs/', import.meta.url).pathname });
  expect(real.length).toBeGreaterThanOrEqual(15);
  expect(Object.keys(CASES).length + real.length).toBeGreaterThanOrEqual(60);
});
