/** How the first kernel is crashed: one row for each way, with what its crash must look like. */

export interface Trigger {
  readonly name: string;
  /** One line for --list. */
  readonly help: string;
  /** Shell commands that the first kernel's PID 1 runs; the kernel does not survive them. */
  readonly command: string;
  /** Found in the panic message. */
  readonly panic: RegExp;
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

export const TRIGGERS: readonly Trigger[] = [SYSRQ_CRASH];
