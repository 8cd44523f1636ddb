/**
 * The lines with which a kernel begins to report that something is wrong, from 5.10 to 7.x, x86-64 and arm64: arch/x86/kernel/traps.c,
 * dumpstack.c, cpu/mce/core.c, mm/fault.c; arch/arm64/kernel/traps.c, mm/fault.c; kernel/panic.c, watchdog.c, hung_task.c,
 * sched/core.c, rcu/tree_stall.h; lib/bug.c, list_debug.c, refcount.c, ubsan.c; mm/kasan/report.c, kfence/report.c, slub.c.
 */
import type { ClassName } from '../../../capture/autopsy/summary/classes.ts';

export interface Headline {
  readonly pattern: RegExp;
  readonly class: ClassName;
  /** Of two headlines of one report, the higher one is more specific ("BUG: …", then "Oops: …"). */
  readonly rank: number;
}

/** A symbol as the kernel prints it, `name+0xoffset/0xsize [module]`. */
export const SYMBOL = String.raw`([\w.$]+)\+(0x[0-9a-f]+)/(0x[0-9a-f]+)(?: \[([\w-]+)[^\]]*\])?`;

const row = (name: ClassName, rank: number, pattern: RegExp): Headline => ({ class: name, rank, pattern });

/** The first that fits. */
export const HEADLINES: readonly Headline[] = [
  row('sysrq', 4, /^(sysrq: |SysRq : )*Trigger a crash/),
  row('kasan', 4, /^BUG: KASAN: /),
  row('kfence', 4, /^BUG: KFENCE: /),
  row('kmsan', 4, /^BUG: KMSAN: /),
  row('kcsan', 4, /^BUG: KCSAN: /),
  row('ubsan', 4, /^UBSAN: /),
  row('corrupt-list', 4, /^(list_(add|del)|slist) ?corruption|^list_(add|del)(_valid)? /),
  row('refcount', 4, /^refcount_t: /),
  row('cfi', 4, /^CFI failure at |^traps: Missing ENDBR: /),
  row('usercopy', 4, /^usercopy: Kernel memory (exposure|overwrite) attempt/),
  row('fortify', 4, /^detected buffer overflow in |^(memcpy|memset|str\w+): detected buffer overflow/),
  row(
    'bad-slab',
    4,
    /^BUG \S+( \(.*\))?: (Object|Redzone|Poison|Freechain|Freepointer|Padding|Left Redzone|Right Redzone|Invalid|Wrong|Free pointer)/,
  ),
  row(
    'stack-overflow',
    4,
    /stack guard page was hit|^kernel stack overflow|^Insufficient stack space to handle exception/i,
  ),
  row(
    'null-pointer',
    3,
    /^(BUG: kernel |BUG: unable to handle kernel |Unable to handle kernel |.* )?NULL pointer dereference/,
  ),
  row('scheduling-while-atomic', 3, /^BUG: scheduling while atomic: /),
  row('sleeping-in-atomic', 3, /^BUG: sleeping function called from invalid context/),
  row('spinlock', 3, /^BUG: (raw_)?(spin|rw)lock /),
  row('workqueue-lockup', 3, /^BUG: workqueue lockup/),
  row('soft-lockup', 3, /^(watchdog: )?BUG: soft lockup/),
  row('hard-lockup', 3, /^(NMI watchdog: |watchdog: )?(CPU\d+: )?Watchdog detected hard LOCKUP/i),
  row('bad-page', 3, /^BUG: Bad (page|rss-counter|pagetable|swap)/),
  row(
    'page-fault',
    3,
    /^BUG: unable to handle (page fault|kernel paging|kernel access)|^Unable to handle kernel (paging|access|execute|read|write)/,
  ),
  row('double-fault', 3, /^(traps: )?PANIC: double fault|^double fault: /),
  row('bug', 2, /^kernel BUG (at|in) /),
  row('bug', 2, /^BUG: /),
  row('general-protection', 2, /^(Oops: )?general protection( fault|maybe for address)?/),
  row('divide-error', 2, /^(Oops: )?divide error: /),
  row('stack-segment', 2, /^(Oops: )?stack segment: /),
  row('bus-error', 2, /^Internal error: (synchronous|level \d|SP\/PC|.*external abort)|^SError Interrupt/),
  row('bug', 1, /^Internal error: Oops - BUG|^(Oops: )?invalid opcode: |^Unexpected kernel BRK exception/),
  row('oops', 1, /^(Oops|Internal error|int3|Bad mode in|Unhandled .*exception)\b.*:? /),
  row('oops', 1, /^[a-z][a-z -]{2,40}: [0-9a-f]{4} \[#\d+\]/),
  row('warning', 1, /^WARNING: /),
  row('hung-task', 1, /^INFO: task .+ blocked (for|in I\/O wait for) more than/),
  row('rcu-stall', 1, /^(rcu: )?INFO: \w*rcu\w* (self-)?detected (expedited )?stalls? /),
  row('out-of-memory', 1, /^.+ invoked oom-killer: /),
  row('machine-check', 1, /^(mce: )?\[Hardware Error\]: |^\{\d+\}\[Hardware Error\]: /),
  row('nmi', 1, /^(Uhhuh\. )?NMI( received|: (PCI|IOCK|IO check|Not continuing))/),
];

/** These end in an oops: the kernel kills who was there, and the next one may be a consequence. */
const OOPSES: readonly ClassName[] = [
  'null-pointer',
  'page-fault',
  'general-protection',
  'stack-segment',
  'double-fault',
  'stack-overflow',
  'divide-error',
  'bus-error',
  'bug',
  'corrupt-list',
  'bad-slab',
  'cfi',
  'usercopy',
  'fortify',
  'oops',
];
const CHECKERS: readonly ClassName[] = ['kasan', 'kfence', 'kmsan', 'kcsan', 'ubsan'];
/** check_panic_on_warn: what counts as a warning. */
const WARNINGS: readonly ClassName[] = [
  'warning',
  'refcount',
  'scheduling-while-atomic',
  'sleeping-in-atomic',
  'bad-slab',
  'bad-page',
  'spinlock',
  ...CHECKERS,
];

export interface PanicKind {
  /** What follows "Kernel panic - not syncing: ". */
  readonly pattern: RegExp;
  /** Where the panic line says it itself. */
  readonly class?: ClassName;
  /** Reports that lead to it. `first`: the first of the boot is the cause; `last`: the one right before the panic. */
  readonly from?: readonly ClassName[];
  readonly which?: 'first' | 'last' | 'batch';
  /** Reports that are older than this before the panic did not lead to it. */
  readonly withinSeconds?: number;
}

/** The first that fits. */
export const PANICS: readonly PanicKind[] = [
  { pattern: /^sysrq triggered crash/i, class: 'sysrq' },
  { pattern: /^stack-protector: /, class: 'stack-protector' },
  { pattern: /^corrupted stack end detected/, class: 'stack-overflow' },
  { pattern: /^kernel stack overflow/, class: 'stack-overflow', from: ['stack-overflow'], which: 'last' },
  { pattern: /^KASAN: /, class: 'kasan', from: ['kasan'], which: 'last' },
  { pattern: /^KFENCE: /, class: 'kfence', from: ['kfence'], which: 'last' },
  { pattern: /^(kmsan|KMSAN)/, class: 'kmsan', from: ['kmsan'], which: 'last' },
  { pattern: /^KCSAN: /, class: 'kcsan', from: ['kcsan'], which: 'last' },
  { pattern: /^UBSAN: /, class: 'ubsan', from: ['ubsan'], which: 'last' },
  {
    pattern: /^scheduling while atomic: /,
    class: 'scheduling-while-atomic',
    from: ['scheduling-while-atomic'],
    which: 'last',
  },
  { pattern: /panic_on_warn set/, class: 'warning', from: WARNINGS, which: 'last' },
  {
    pattern: /^(softlockup: hung tasks|soft lockup)/,
    class: 'soft-lockup',
    from: ['soft-lockup'],
    which: 'last',
  },
  { pattern: /hard LOCKUP/i, class: 'hard-lockup', from: ['hard-lockup'], which: 'last' },
  { pattern: /^hung_task: blocked tasks/, class: 'hung-task', from: ['hung-task'], which: 'batch' },
  { pattern: /^RCU Stall/i, class: 'rcu-stall', from: ['rcu-stall'], which: 'last' },
  {
    pattern: /^workqueue: panic_on_stall/,
    class: 'workqueue-lockup',
    from: ['workqueue-lockup'],
    which: 'last',
  },
  { pattern: /^(Out of memory|System is deadlocked on memory)/, class: 'out-of-memory' },
  {
    pattern: /^(Attempted to kill (init|the idle task)|Aiee, killing interrupt handler)/,
    class: 'init-killed',
    from: OOPSES,
    which: 'first',
    // What was survived for longer did not kill init.
    withinSeconds: 5,
  },
  { pattern: /^(VFS: Unable to mount root|No (working )?init found|Requested init )/, class: 'no-root' },
  {
    pattern: /machine check|Fatal hardware error|^MCE|^Timeout: Not all CPUs entered broadcast/i,
    class: 'machine-check',
    from: ['machine-check'],
    which: 'batch',
  },
  { pattern: /^Asynchronous SError|^SError/, class: 'bus-error', from: ['bus-error'], which: 'last' },
  { pattern: /^(NMI|An NMI occurred|Unknown NMI)/i, class: 'nmi', from: ['nmi'], which: 'last' },
  { pattern: /^(Fatal exception|Oops|.*[Ff]atal exception)/, class: 'oops', from: OOPSES, which: 'first' },
  { pattern: /^.*(bad page|Bad page)/, class: 'bad-page', from: ['bad-page'], which: 'last' },
  { pattern: /panic forced after error|^(EXT4-fs|XFS|BTRFS|F2FS)/, class: 'file-system' },
];

/** Without a panic line: with a crash kernel loaded, an oops jumps to it without panic(). */
export const UNPANICKED: PanicKind = { pattern: /^/, from: OOPSES, which: 'first' };
