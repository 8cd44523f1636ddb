/** The class of a crash by the functions of its stack, and with the log's beside it. */
import { describe, expect, test } from 'vitest';
import { CLASSES, type ClassName } from '../../../../capture/autopsy/summary/classes.ts';
import { agreedClass, classOfStack } from '../../../../capture/autopsy/summary/crash-class.ts';

const ENTRY = 'do_syscall_64 entry_SYSCALL_64_after_hwframe';
const OOPS = 'machine_kexec __crash_kexec crash_kexec oops_end';
const TICK = 'hrtimer_interrupt sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt';

/** As kernels from 5.10 to 7.x panic; the first seven are of dumps of the lab. */
const STACKS: readonly (readonly [ClassName | undefined, string])[] = [
  [
    'sysrq',
    `machine_kexec __crash_kexec panic sysrq_handle_crash __handle_sysrq write_sysrq_trigger ${ENTRY}`,
  ],
  ['page-fault', `${OOPS} page_fault_oops exc_page_fault asm_exc_page_fault lab_write ${ENTRY}`],
  [
    'rcu-stall',
    `machine_kexec __crash_kexec panic panic_on_rcu_stall rcu_sched_clock_irq ${TICK} lab_hold_rcu`,
  ],
  ['soft-lockup', `machine_kexec __crash_kexec panic watchdog_timer_fn ${TICK} lab_spin ${ENTRY}`],
  ['stack-overflow', `${OOPS} handle_stack_overflow exc_double_fault asm_exc_double_fault lab_recurse`],
  ['page-fault', `${OOPS} no_context __bad_area_nosemaphore do_user_addr_fault exc_page_fault my_read`],
  ['general-protection', `${OOPS} exc_general_protection asm_exc_general_protection my_walk`],
  ['bug', `${OOPS} do_trap do_error_trap exc_invalid_op asm_exc_invalid_op my_check`],
  [
    'warning',
    `machine_kexec __crash_kexec panic check_panic_on_warn __warn report_bug handle_bug exc_invalid_op my_warn`,
  ],
  ['hung-task', 'machine_kexec __crash_kexec panic watchdog kthread ret_from_fork'],
  ['out-of-memory', `machine_kexec __crash_kexec panic out_of_memory __alloc_pages my_alloc ${ENTRY}`],
  ['init-killed', `machine_kexec __crash_kexec panic do_exit do_group_exit __x64_sys_exit_group ${ENTRY}`],
  ['page-fault', `${OOPS} page_fault_oops exc_page_fault my_driver do_exit ${ENTRY}`],
  ['no-root', 'machine_kexec __crash_kexec panic mount_root_generic prepare_namespace kernel_init'],
  ['stack-protector', 'machine_kexec __crash_kexec panic __stack_chk_fail my_copy'],
  ['nmi', 'machine_kexec __crash_kexec panic nmi_panic unknown_nmi_error default_do_nmi exc_nmi'],
  ['panic', 'machine_kexec __crash_kexec vpanic panic my_driver'],
  [undefined, 'default_idle do_idle start_secondary'],
  [undefined, ''],
];

test.each(STACKS)('%s: %s', (expected, stack) => expect(classOfStack(stack.split(' '))).toBe(expected));

test('a page fault is of a NULL pointer where the log says so, and only there', () => {
  const byStack = classOfStack(['page_fault_oops', 'exc_page_fault']);
  expect(agreedClass(byStack, 'null-pointer')).toEqual({ class: 'null-pointer', contradicts: false });
  expect(agreedClass(byStack, 'page-fault')).toEqual({ class: 'page-fault', contradicts: false });
});

describe('memory and log', () => {
  test.each<[ClassName | undefined, ClassName, ClassName, boolean]>([
    ['null-pointer', 'null-pointer', 'null-pointer', false],
    [undefined, 'kasan', 'kasan', false],
    ['sysrq', 'unknown', 'sysrq', false],
    ['bug', 'corrupt-list', 'corrupt-list', false],
    ['warning', 'refcount', 'refcount', false],
    ['page-fault', 'null-pointer', 'null-pointer', false],
    ['panic', 'file-system', 'file-system', false],
    ['init-killed', 'panic', 'init-killed', false],
    ['sysrq', 'out-of-memory', 'sysrq', true],
    ['null-pointer', 'soft-lockup', 'null-pointer', true],
  ])('%s and %s are %s', (byStack, byLog, expected, contradicts) =>
    expect(agreedClass(byStack, byLog)).toEqual({ class: expected, contradicts }),
  );

  test('whatever they are, the class is one of the two', () => {
    const names = Object.keys(CLASSES) as ClassName[];
    for (const byStack of names)
      for (const byLog of names) expect([byStack, byLog]).toContain(agreedClass(byStack, byLog).class);
  });
});
