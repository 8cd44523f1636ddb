/** The output of crash(8) for sys, bt and ps as data, and which of its lines are complaints about the dump. */

export interface Frame {
  readonly symbol: string;
  /** The module of the function; none for one of the kernel image. */
  readonly module?: string;
}

export interface CrashSummary {
  readonly release: string;
  /** TASKS of `sys`. */
  readonly tasks: number;
  /** The message, without quotes. */
  readonly panic: string;
  readonly panicTask: { readonly pid: number; readonly comm: string };
  readonly frames: readonly Frame[];
  /** Lines of `ps`. */
  readonly psCount: number;
}

/** Lines of crash's output with any of these are complaints about the dump… */
const COMPLAINT = /^crash: |WARNING|cannot|invalid|page excluded|read error|seek error/;

/** …except these lines, in which crash quotes the kernel. */
export const ALLOWED: readonly { readonly pattern: RegExp; readonly reason: string }[] = [
  {
    pattern: /^ +PANIC: /,
    reason: 'the message of the panic: "invalid opcode" is what a BUG() says',
  },
  {
    pattern: /^ *#\d+ \[[0-9a-f]+\] \S+ at [0-9a-f]+/,
    reason: 'a stack frame: exc_invalid_op is a function of the kernel',
  },
  {
    pattern: /^ +\[exception RIP: \S+\]$/,
    reason: 'the function that trapped, by its name',
  },
  {
    pattern: /^[> ] +\d+ +\d+ +\d+ +[0-9a-f]{16} +[A-Z]{2} /,
    reason: 'a line of ps: a process can have any name',
  },
  {
    pattern: /^crash: inconsistent active task indications for CPU \d+:$/,
    reason:
      'a CPU that was stopped within a switch of tasks: its runqueue has the next one already, and its current_task not yet',
  },
];

/** The lines of crash's output that are complaints about the dump. */
export function findComplaints(output: string): string[] {
  return output
    .split('\n')
    .filter(line => COMPLAINT.test(line) && !ALLOWED.some(({ pattern }) => pattern.test(line)));
}

/** In the output of `log` the kernel may print anything. crash's own lines begin with `crash:` or `log:`. */
export function findLogComplaints(log: string): string[] {
  return log.split('\n').filter(line => /^(?:crash|log): /.test(line));
}

/** Missing facts are empty, 0 or -1, and the verdict names them. The parser does not fail on a broken dump. */
export function parseCrash({ sys, bt, ps }: { sys: string; bt: string; ps: string }): CrashSummary {
  const field = (name: string) => new RegExp(`^ *${name}: (.*)$`, 'm').exec(sys)?.[1]?.trim() ?? '';
  const task = /^PID: (\d+) +TASK: [0-9a-f]+ +CPU: \d+ +COMMAND: "(.*)"$/m.exec(bt);
  return {
    release: field('RELEASE'),
    tasks: Number.parseInt(field('TASKS'), 10) || 0,
    panic: field('PANIC').replace(/^"|"$/g, ''),
    panicTask: { pid: task ? Number(task[1]) : -1, comm: task?.[2] ?? '' },
    frames: parseFrames(bt),
    psCount: ps.split('\n').filter(line => /^[> ] +\d+ +\d+ +\d+ +[0-9a-f]{16} /.test(line)).length,
  };
}

/** ` #3 [ff7e08c380013ab0] sysrq_handle_crash at ffffffffad2a8a06 [module]` */
function parseFrames(bt: string): Frame[] {
  return [...bt.matchAll(/^ *#\d+ \[[0-9a-f]+\] (\S+) at [0-9a-f]+(?: \[(\S+)\])?/gm)].map(
    ([, symbol, module]) => ({ symbol: symbol!, ...(module ? { module } : {}) }),
  );
}

/** What the output must show, besides no complaints. */
export interface CrashExpectation {
  readonly release?: string;
  /** Found in the panic message. */
  readonly panic?: RegExp;
  /** Functions that the stack of the panicking task must hold. */
  readonly frames?: readonly string[];
}

/** Why the dump fails, one line each. No line is a pass. */
export function judgeSummary(summary: CrashSummary, expected: CrashExpectation = {}): string[] {
  const { release, tasks, panic, panicTask, frames, psCount } = summary;
  const symbols = frames.map(({ symbol }) => symbol);
  const absent = (expected.frames ?? []).filter(name => !symbols.includes(name));
  const checks: readonly (readonly [boolean, string])[] = [
    [release !== '', 'sys shows no RELEASE'],
    [
      expected.release === undefined || release === expected.release,
      `RELEASE is "${release}", not "${expected.release}"`,
    ],
    [tasks > 0, 'sys shows no TASKS'],
    [psCount === tasks, `ps shows ${psCount} tasks, sys counts ${tasks}`],
    [panic !== '', 'sys shows no PANIC'],
    [
      expected.panic === undefined || expected.panic.test(panic),
      `PANIC is "${panic}", not ${expected.panic}`,
    ],
    [panicTask.pid >= 0, 'bt shows no task'],
    [frames.length > 0, 'bt shows no frame'],
    [absent.length === 0, `bt lacks ${absent.join(', ')}; it has ${symbols.join(' ')}`],
  ];
  return checks.filter(([passed]) => !passed).map(([, problem]) => problem);
}
