/**
 * The class of a crash by the functions on the stack that panicked. The kernel calls one of them for each reason: kernel/panic.c,
 * watchdog.c, hung_task.c, rcu/tree_stall.h, exit.c; mm/oom_kill.c, slub.c; lib/bug.c; arch/x86/kernel/traps.c, mm/fault.c;
 * arch/arm64/kernel/traps.c, mm/fault.c; drivers/tty/sysrq.c; init/do_mounts.c.
 */
import { CLASSES, type ClassName } from './classes.ts';

const row = (name: ClassName, pattern: RegExp): readonly [ClassName, RegExp] => [name, pattern];

/** The first row that fits a function of the stack, whichever. An exception says more than what it led to. */
const BY_FUNCTION: readonly (readonly [ClassName, RegExp])[] = [
  row('sysrq', /^sysrq_handle_crash$/),
  row('kasan', /^kasan_report/),
  row('kfence', /^kfence_report/),
  row('ubsan', /^__ubsan_handle_/),
  row('stack-overflow', /^handle_stack_overflow$|^panic_bad_stack$/),
  row('double-fault', /^exc_double_fault$/),
  row('page-fault', /^(page_fault_oops|no_context|die_kernel_fault|kernelmode_fixup_or_oops)$/),
  row('general-protection', /^exc_general_protection$/),
  row('stack-segment', /^exc_stack_segment$/),
  row('divide-error', /^exc_divide_error$/),
  row('cfi', /^report_cfi_failure$/),
  row('warning', /^(__warn|check_panic_on_warn|warn_slowpath_fmt)$/),
  row('bug', /^(exc_invalid_op|bug_handler|bug_brk_handler)$/),
  row('stack-protector', /^__stack_chk_fail$/),
  row('fortify', /^(fortify_panic|__fortify_panic)$/),
  row('machine-check', /^(mce_panic|do_machine_check)$/),
  row('hard-lockup', /^(watchdog_overflow_callback|watchdog_hardlockup_check)$/),
  row('soft-lockup', /^watchdog_timer_fn$/),
  row(
    'rcu-stall',
    /^(panic_on_rcu_stall|print_cpu_stall|print_other_cpu_stall|check_cpu_stall|rcu_check_gp_kthread_starvation)$/,
  ),
  row('hung-task', /^(check_hung_uninterruptible_tasks|check_hung_task|watchdog)$/),
  row('nmi', /^(nmi_panic|unknown_nmi_error|mem_parity_error|pci_serr_error|io_check_error)$/),
  row('out-of-memory', /^(out_of_memory|dump_header)$/),
  row('no-root', /^(mount_root|mount_block_root|mount_root_generic|prepare_namespace)$/),
  row('init-killed', /^(do_exit|do_group_exit)$/),
  row('panic', /^v?panic$/),
];

/**
 * Memory does not say where a page fault was: task_struct's thread.cr2 is of faults that end in a signal (Linux
 * arch/x86/mm/fault.c, set_signal_archinfo), and 0 in a task that had none. The log says whether the pointer was NULL.
 * @param names of the stack's functions, innermost first; only those of which the unwinder is sure.
 * @returns undefined where no function says it.
 */
export function classOfStack(names: readonly string[]): ClassName | undefined {
  return BY_FUNCTION.find(([, pattern]) => names.some(function_ => pattern.test(function_)))?.[0];
}

/** Of an autopsy that was read from a file. */
export function isClassName(name: string | undefined): name is ClassName {
  return name !== undefined && Object.hasOwn(CLASSES, name);
}

/** What the log may say more exactly: classes that are reported through the class of the stack. */
const REFINED_BY: Readonly<Partial<Record<ClassName, readonly ClassName[]>>> = {
  bug: [
    'corrupt-list',
    'usercopy',
    'fortify',
    'bad-slab',
    'cfi',
    'oops',
    'spinlock',
    'scheduling-while-atomic',
    'bad-page',
    'stack-overflow',
    'refcount',
  ],
  warning: [
    'refcount',
    'corrupt-list',
    'bad-page',
    'sleeping-in-atomic',
    'scheduling-while-atomic',
    'workqueue-lockup',
  ],
  'page-fault': ['null-pointer', 'oops', 'bus-error', 'stack-overflow'],
  'general-protection': ['oops', 'corrupt-list'],
  'double-fault': ['stack-overflow'],
  kfence: ['page-fault'],
  'init-killed': ['no-root'],
};

/** The class by both, and whether they contradict each other. */
export function agreedClass(
  byStack: ClassName | undefined,
  byLog: ClassName,
): { readonly class: ClassName; readonly contradicts: boolean } {
  if (byStack === undefined || byStack === byLog) return { class: byLog, contradicts: false };
  if (byLog === 'unknown' || byLog === 'oops') return { class: byStack, contradicts: false };
  // A panic is what all of them end with.
  if (byStack === 'panic' || REFINED_BY[byStack]?.includes(byLog))
    return { class: byLog, contradicts: false };
  if (byLog === 'panic') return { class: byStack, contradicts: false };
  return { class: byStack, contradicts: true };
}
