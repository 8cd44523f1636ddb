/** Crashes by the lab's module (module/kdumpling_lab.c): each row is one of its ways. */
import type { ClassName } from '../../capture/autopsy/summary/classes.ts';
import type { NotOn } from '../kernel/misfit.ts';
import { CRASH_MODULE } from './module.ts';
import type { Trigger } from './trigger.ts';

/** The second CPU, so that a report that always names the first one is found out. */
const CPU = 1;
const ON_CPU = `taskset ${1 << CPU}`;

/** /proc/sys/kernel/, or a whole path. */
type Settings = Readonly<Record<string, number>>;

/** With a crash kernel loaded, an oops jumps to it and panic() is not called (Linux kernel/kexec_core.c, kexec_should_crash). */
const PANIC_ON_OOPS: Settings = { panic_on_oops: 1 };
const PANIC_ON_WARN: Settings = { panic_on_warn: 1 };

/** x86 has the error code of a page fault after the word, arm64 its syndrome (Linux arch/arm64/kernel/traps.c, die). */
const OOPS = /Oops: (?:0000|[0-9a-f]{16}) \[#1\]/;
const BUG_TRAP = /invalid opcode: 0000 \[#1\]|Oops - BUG: [0-9a-f]{16} \[#1\]/;
const OOPS_OF_WILD_POINTER =
  /general protection fault, probably for non-canonical address 0x\w+: 0000 \[#1\]|Oops: [0-9a-f]{16} \[#1\]/;
/** arm64 ignores the first byte of such an address, and may print it as 0. @param byte that the pointer is filled with */
const wildPointer = (byte: string) =>
  new RegExp(
    `non-canonical address 0x${byte.repeat(8)}|kernel paging request at virtual address (?:00|${byte})${byte.repeat(7)}`,
  );
const NULL_POINTER = /(?:BUG: |Unable to handle )kernel NULL pointer dereference/;

/** Debian builds arm64 kernels without CONFIG_ARM64_PSEUDO_NMI, and the machine virt of QEMU has no NMI to inject. */
export const NO_NMI: NotOn = { arm64: 'Debian builds the kernels without NMIs (CONFIG_ARM64_PSEUDO_NMI)' };

interface ModuleCrash
  extends Pick<
    Trigger,
    'name' | 'help' | 'panic' | 'cause' | 'kernelWords' | 'misfit' | 'notOn' | 'monitor'
  > {
  /** The module's name for it. */
  readonly way: string;
  readonly settings: Settings;
  readonly class: ClassName;
  /** Where an architecture’s kernel has another one. */
  readonly classOn?: Readonly<Partial<Record<string, ClassName>>>;
  readonly culprit: string;
  /** Other functions in the trace. */
  readonly through?: readonly string[];
  /** The task that ran, where it is not the shell. undefined: any. */
  readonly comm?: string | undefined;
  /** The CPU, where it is not the shell's. */
  readonly cpu?: number;
}

function moduleTrigger({
  way,
  settings,
  class: name,
  classOn = {},
  culprit,
  through = [],
  ...crash
}: ModuleCrash): Trigger {
  const { comm, cpu, monitor, ...facts } = { comm: 'sh', cpu: CPU, ...crash };
  const lines = [
    ...settingLines(settings),
    `insmod ${CRASH_MODULE}`,
    `${ON_CPU} sh -c 'echo ${way} > /proc/kdumpling-lab'`,
    ...(monitor ? [ASKS_FOR_MONITOR] : []),
  ];
  return {
    ...facts,
    ...(monitor && { monitor }),
    command: lines.join('\n'),
    needsModule: true,
    frames: [culprit, ...through],
    report: { class: name, culprit, module: 'kdumpling_lab', ...(comm && { comm }), cpu },
    reportOn: Object.fromEntries(Object.entries(classOn).map(([arch, other]) => [arch, { class: other }])),
  };
}

export function settingLines(settings: Settings): string[] {
  return Object.entries(settings).map(
    ([name, value]) => `echo ${value} > ${name.startsWith('/') ? name : `/proc/sys/kernel/${name}`}`,
  );
}

/** The command's last line where QEMU's monitor does the rest. */
export const ASKS_FOR_MONITOR = 'say waits for the monitor';
const ASKED = /^lab: waits for the monitor/;
export const INJECT_NMI = { after: ASKED, execute: 'inject-nmi' } as const;
/** Bank 1 of CPU 0 reports an uncorrected error (Intel SDM 3B, 16.3.2.2: VAL, UC, EN, PCC); MCG_STATUS has MCIP. */
export const INJECT_MACHINE_CHECK = {
  after: ASKED,
  execute: 'human-monitor-command',
  args: { 'command-line': 'mce 0 1 0xb200000000000000 0x4 0x0 0x0' },
} as const;

const ROWS: readonly ModuleCrash[] = [
  {
    name: 'null',
    way: 'null',
    help: 'a NULL pointer is read',
    settings: PANIC_ON_OOPS,
    panic: OOPS,
    cause: NULL_POINTER,
    class: 'null-pointer',
    culprit: 'lab_null',
  },
  {
    name: 'unmapped',
    way: 'unmapped',
    help: 'memory that vfree() has unmapped is read',
    settings: PANIC_ON_OOPS,
    panic: OOPS,
    cause:
      /BUG: unable to handle page fault for address: ff|Unable to handle kernel paging request at virtual address ffff/,
    class: 'page-fault',
    culprit: 'lab_unmapped',
  },
  {
    name: 'general-protection',
    way: 'wild',
    help: 'a pointer is read that is no address',
    settings: PANIC_ON_OOPS,
    panic: OOPS_OF_WILD_POINTER,
    cause: wildPointer('5a'),
    class: 'general-protection',
    classOn: { arm64: 'page-fault' },
    culprit: 'lab_wild',
  },
  {
    name: 'divide',
    way: 'divide',
    help: 'a division by zero',
    notOn: { arm64: 'there a division by zero is 0, and no fault' },
    settings: PANIC_ON_OOPS,
    panic: /divide error: 0000 \[#1\]/,
    class: 'divide-error',
    culprit: 'lab_divide',
  },
  {
    name: 'bug',
    way: 'bug',
    help: 'BUG()',
    settings: PANIC_ON_OOPS,
    panic: BUG_TRAP,
    cause: /kernel BUG at \S*kdumpling_lab\.c:\d+!/,
    class: 'bug',
    culprit: 'lab_bug',
  },
  {
    name: 'panic',
    way: 'panic',
    help: 'a module calls panic()',
    settings: {},
    panic: /kdumpling-lab: asked for/,
    class: 'panic',
    culprit: 'lab_panic',
  },
  {
    name: 'warn',
    way: 'warn',
    help: 'WARN() with kernel.panic_on_warn=1',
    settings: PANIC_ON_WARN,
    panic: /panic_on_warn set/,
    cause: /WARNING: .*kdumpling_lab\.c:\d+/,
    class: 'warning',
    culprit: 'lab_warn',
  },
  {
    name: 'stack-overflow',
    way: 'stack-overflow',
    help: 'a recursion without an end reaches the guard page of its stack',
    settings: PANIC_ON_OOPS,
    panic: /stack guard page: 0000 \[#1\]|kernel stack overflow/,
    cause: /BUG: TASK stack guard page was hit|kernel stack overflow/,
    class: 'stack-overflow',
    culprit: 'lab_recurse',
  },
  {
    name: 'stack-protector',
    way: 'overrun-frame',
    help: 'a function writes past its own stack frame',
    settings: {},
    panic: /stack-protector: Kernel stack is corrupted in: lab_overrun_frame\+/,
    class: 'stack-protector',
    culprit: 'lab_overrun_frame',
  },
  {
    name: 'corrupt-list',
    way: 'list',
    help: 'a linked list is overwritten, which list_add() notices',
    settings: PANIC_ON_OOPS,
    panic: BUG_TRAP,
    cause: /list_add corruption/,
    class: 'corrupt-list',
    culprit: 'lab_list',
  },
  {
    name: 'refcount',
    way: 'refcount',
    help: 'a reference is taken on a count of 0, with kernel.panic_on_warn=1',
    settings: PANIC_ON_WARN,
    panic: /panic_on_warn set/,
    cause: /WARNING: /,
    class: 'refcount',
    culprit: 'lab_refcount',
  },
  {
    name: 'use-after-free',
    way: 'use-after-free',
    help: 'a pointer in a freed slab object is followed, with slub_debug=P',
    kernelWords: ['slub_debug=P'],
    settings: PANIC_ON_OOPS,
    panic: OOPS_OF_WILD_POINTER,
    cause: wildPointer('6b'),
    class: 'general-protection',
    classOn: { arm64: 'page-fault' },
    culprit: 'lab_use_after_free',
  },
  {
    name: 'kfence',
    way: 'kfence',
    help: 'the same, noticed by KFENCE',
    misfit: {
      kernels: ['5.10-cloud', '5.10-generic', '6.1-cloud', '6.1-generic'],
      why: 'Debian has CONFIG_KFENCE since 6.12',
      instead: { series: '6.12', flavour: 'cloud' },
    },
    // KFENCE has 255 objects: an interval of a millisecond gives all of them away while a slow machine boots.
    kernelWords: ['kfence.sample_interval=1000'],
    settings: PANIC_ON_WARN,
    panic: /KFENCE: panic_on_warn set/,
    cause: /BUG: KFENCE: use-after-free read in lab_kfence/,
    class: 'kfence',
    culprit: 'lab_kfence',
  },
  {
    name: 'usercopy',
    way: 'usercopy',
    help: 'a copy to user space runs past its slab object (CONFIG_HARDENED_USERCOPY)',
    settings: PANIC_ON_OOPS,
    panic: BUG_TRAP,
    cause: /kernel BUG at mm\/usercopy\.c/,
    class: 'usercopy',
    culprit: 'lab_usercopy',
  },
  {
    name: 'sleep-in-atomic',
    way: 'sleep-in-atomic',
    help: 'atomic code calls schedule(), with kernel.panic_on_warn=1',
    misfit: {
      kernels: ['5.10', '6.1', '6.12'].flatMap(series => [
        `${series}-cloud`,
        `${series}-generic`,
        `${series}-16k`,
      ]),
      architecture: 'arm64',
      why: 'Debian has CONFIG_PREEMPT_COUNT for arm64 since 7.x',
      instead: { series: '7.x', flavour: 'cloud' },
    },
    settings: PANIC_ON_WARN,
    panic: /scheduling while atomic/,
    cause: /scheduling while atomic/,
    class: 'scheduling-while-atomic',
    culprit: 'lab_sleep_in_atomic',
  },
  {
    name: 'soft-lockup',
    way: 'spin',
    help: 'a CPU never leaves a module, with kernel.softlockup_panic=1',
    settings: { watchdog_thresh: 3, softlockup_panic: 1 },
    panic: /softlockup: hung tasks/,
    cause: /BUG: soft lockup - CPU#1 stuck for \d+s/,
    class: 'soft-lockup',
    culprit: 'lab_spin',
  },
  {
    name: 'rcu-stall',
    way: 'hold-rcu',
    help: 'a read-side section of RCU never ends, with kernel.panic_on_rcu_stall=1',
    settings: {
      soft_watchdog: 0,
      panic_on_rcu_stall: 1,
      '/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout': 5,
    },
    panic: /RCU Stall/,
    cause: /INFO: rcu\w* (self-)?detected stall/,
    class: 'rcu-stall',
    culprit: 'lab_hold_rcu',
  },
  {
    name: 'deadlock',
    way: 'deadlock',
    help: 'kernel threads wait for one another, by mutexes and a semaphore, when a module calls panic()',
    settings: {},
    panic: /threads wait for one another/,
    class: 'panic',
    culprit: 'lab_deadlock',
  },
  {
    name: 'in-interrupt',
    way: 'interrupt',
    help: 'a NULL pointer is read in an interrupt',
    settings: {},
    panic: OOPS,
    cause: NULL_POINTER,
    class: 'null-pointer',
    culprit: 'lab_null',
    through: ['lab_in_interrupt'],
  },
  {
    name: 'beside-deaf-cpu',
    way: 'panic-beside-deaf',
    help: 'panic() while another CPU spins with interrupts off',
    settings: {},
    panic: /another CPU has interrupts off/,
    class: 'panic',
    culprit: 'lab_panic_beside_deaf',
  },
  {
    name: 'in-panic-notifier',
    way: 'panic-notifier',
    help: 'panic(), and a panic notifier reads a NULL pointer, with crash_kexec_post_notifiers',
    kernelWords: ['crash_kexec_post_notifiers'],
    settings: PANIC_ON_OOPS,
    panic: /kdumpling-lab: asked for/,
    class: 'panic',
    culprit: 'lab_panic',
    through: ['lab_notified'],
  },
  {
    name: 'in-nmi',
    notOn: NO_NMI,
    way: 'nmi',
    help: 'a handler of NMIs reads a NULL pointer; QEMU’s monitor sends the NMI',
    settings: {},
    monitor: INJECT_NMI,
    panic: OOPS,
    cause: NULL_POINTER,
    class: 'null-pointer',
    culprit: 'lab_null',
    through: ['lab_in_nmi'],
    // The monitor's NMI comes by LINT1, which Linux opens on the first CPU (arch/x86/kernel/apic/apic.c).
    comm: undefined,
    cpu: 0,
  },
];

export const MODULE_TRIGGERS: readonly Trigger[] = [
  ...ROWS.map(moduleTrigger),
  {
    name: 'in-initcall',
    help: 'a module’s init function reads a NULL pointer',
    command: [...settingLines(PANIC_ON_OOPS), `${ON_CPU} insmod ${CRASH_MODULE} at_load=null`].join('\n'),
    needsModule: true,
    panic: OOPS,
    cause: NULL_POINTER,
    frames: ['lab_null', 'do_one_initcall'],
    report: { class: 'null-pointer', culprit: 'lab_null', module: 'kdumpling_lab', comm: 'insmod', cpu: CPU },
  },
];
