/** Every way to crash the first kernel, and those that the lab cannot take. */
import {
  ASKS_FOR_MONITOR,
  INJECT_MACHINE_CHECK,
  INJECT_NMI,
  MODULE_TRIGGERS,
  NO_NMI,
  settingLines,
} from './module-triggers.ts';
import type { Trigger } from './trigger.ts';

/** sysrq(8), Linux drivers/tty/sysrq.c. */
export const SYSRQ_CRASH = {
  name: 'sysrq-c',
  help: 'write c to /proc/sysrq-trigger',
  command: 'echo c > /proc/sysrq-trigger',
  panic: /sysrq triggered crash/,
  frames: ['sysrq_handle_crash'],
  report: { class: 'sysrq', comm: 'init' },
} as const satisfies Trigger;

export const TRIGGERS: readonly Trigger[] = [
  SYSRQ_CRASH,
  {
    name: 'other-cpu',
    help: 'the same on the second CPU: the crash kernel starts on another CPU than the first kernel did',
    command: `taskset 2 sh -c '${SYSRQ_CRASH.command}'`,
    panic: SYSRQ_CRASH.panic,
    frames: SYSRQ_CRASH.frames,
    report: { class: 'sysrq', comm: 'sh', cpu: 1 },
  },
  {
    name: 'init-exits',
    help: 'PID 1 exits (Linux kernel/exit.c)',
    command: 'exit 1',
    panic: /Attempted to kill init! exitcode=0x00000100/,
    frames: ['do_exit'],
    report: { class: 'init-killed', comm: 'init' },
  },
  {
    name: 'oom',
    help: 'a process takes all memory, with vm.panic_on_oom=2 (Linux mm/oom_kill.c)',
    command: 'echo 2 > /proc/sys/vm/panic_on_oom; tail /dev/zero',
    panic: /Out of memory: compulsory panic_on_oom is enabled/,
    frames: ['out_of_memory'],
    report: { class: 'out-of-memory' },
  },
  {
    name: 'hung-task',
    help: 'a process hangs in a write to a frozen file system, with kernel.hung_task_panic=1 (Linux kernel/hung_task.c)',
    command: `sync
cd /proc/sys/kernel; echo 1 > hung_task_panic; echo 5 > hung_task_timeout_secs; cd /
fsfreeze --freeze /disk && : > /disk/lab/never-written`,
    panic: /hung_task: blocked tasks/,
    cause: /INFO: task init:1 blocked for more than 5 seconds/,
    frames: ['watchdog'],
    report: { class: 'hung-task', culprit: 'mnt_want_write', comm: 'init' },
  },
  {
    name: 'nmi',
    notOn: NO_NMI,
    help: 'QEMU’s monitor sends an NMI, with kernel.unknown_nmi_panic=1',
    command: [...settingLines({ unknown_nmi_panic: 1 }), ASKS_FOR_MONITOR].join('\n'),
    monitor: INJECT_NMI,
    panic: /NMI: Not continuing/,
    cause: /NMI received for unknown reason/,
    frames: ['unknown_nmi_error'],
    report: { class: 'nmi', cpu: 0 },
  },
  {
    name: 'machine-check',
    notOn: { arm64: 'machine checks are of x86 CPUs' },
    help: 'QEMU’s monitor reports an uncorrected error of the hardware',
    misfit: {
      kernels: ['5.10-cloud', '6.1-cloud'],
      why: 'Debian builds it without CONFIG_X86_MCE, so that it does not know machine checks',
      instead: { series: '6.12', flavour: 'cloud' },
    },
    command: ASKS_FOR_MONITOR,
    monitor: INJECT_MACHINE_CHECK,
    panic: /machine check/i,
    cause: /machine check/i,
    frames: [],
    report: { class: 'machine-check' },
  },
  ...MODULE_TRIGGERS,
];

/** Crashes that the lab cannot make, with the reason. */
export const IMPOSSIBLE_TRIGGERS: readonly { readonly name: string; readonly why: string }[] = [
  {
    name: 'hard-lockup',
    why: 'the detector needs a performance counter that raises NMIs, and an emulated CPU has none',
  },
  {
    name: 'before-arming',
    why: 'a kernel that crashes before user space has loaded the crash kernel has nothing to jump to',
  },
];

/** A user's own commands: any crash will do. */
export function ownTrigger(command: string): Trigger {
  return { name: 'own', help: 'the commands of --crash-command', command, panic: /./, frames: [] };
}
