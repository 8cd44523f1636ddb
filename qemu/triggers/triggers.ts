/** How the first kernel is crashed: one row for each way, with what its crash must look like. */

export interface Trigger {
  readonly name: string;
  /** One line for --list. */
  readonly help: string;
  /** Shell commands that the first kernel's PID 1 runs; the kernel does not survive them. */
  readonly command: string;
  /** Found in the panic message. */
  readonly panic: RegExp;
  /** The cause that the capture must name, where an earlier message says more than the panic. */
  readonly cause?: RegExp;
  /** Functions on the stack of the task that panicked. */
  readonly frames: readonly string[];
}

/** sysrq(8), Linux drivers/tty/sysrq.c. */
export const SYSRQ_CRASH = {
  name: 'sysrq-c',
  help: 'write c to /proc/sysrq-trigger',
  command: 'echo c > /proc/sysrq-trigger',
  panic: /sysrq triggered crash/,
  frames: ['sysrq_handle_crash'],
} as const satisfies Trigger;

export const TRIGGERS: readonly Trigger[] = [
  SYSRQ_CRASH,
  {
    name: 'other-cpu',
    help: 'the same on the second CPU: the crash kernel starts on another CPU than the first kernel did',
    command: `taskset 2 sh -c '${SYSRQ_CRASH.command}'`,
    panic: SYSRQ_CRASH.panic,
    frames: SYSRQ_CRASH.frames,
  },
  {
    name: 'init-exits',
    help: 'PID 1 exits (Linux kernel/exit.c)',
    command: 'exit 1',
    panic: /Attempted to kill init! exitcode=0x00000100/,
    frames: ['do_exit'],
  },
  {
    name: 'oom',
    help: 'a process takes all memory, with vm.panic_on_oom=2 (Linux mm/oom_kill.c)',
    command: 'echo 2 > /proc/sys/vm/panic_on_oom; tail /dev/zero',
    panic: /Out of memory: compulsory panic_on_oom is enabled/,
    frames: ['out_of_memory'],
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
  },
];
