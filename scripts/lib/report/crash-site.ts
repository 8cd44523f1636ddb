/** What one report of a kernel log says: the task, the pointer, the trace, registers, code, modules. */
import { type Frame, readPointer, readTrace, type TraceFrame } from './frames.ts';
import { findTaint, type Taint } from './taint.ts';

export interface CrashTask {
  readonly cpu?: number;
  readonly pid: number;
  readonly comm: string;
}

export interface CrashSite {
  /** Who ran on the CPU that reported; of a hung task, that task, which ran nowhere. */
  readonly task?: CrashTask;
  /** Where the CPU was: oopses and lockups print it, a panic does not. */
  readonly at?: Frame;
  /** Innermost first. */
  readonly trace: readonly TraceFrame[];
  /** Name -> value, hexadecimal, as logged; the kernel's own, not those of the program that entered it. */
  readonly registers: Readonly<Record<string, string>>;
  /** The bytes around the instruction pointer, `<48>` being the first of the instruction. */
  readonly code?: string;
  readonly hardware?: string;
  readonly taints: readonly Taint[];
  /** As the log lists them, their flags with them: `nvme`, `mine(OE)`. */
  readonly modules: readonly string[];
  readonly lastUnloaded?: string;
}

/** khungtaskd's line of a task (kernel/sched/core.c: sched_show_task). */
const HUNG_TASK = /^task:(.+?) +state:\S+ .*?\bpid: *(\d+)/;
const HUNG_HEADLINE = /^INFO: task (.+):(\d+) blocked /;
/** KASAN and KFENCE name the task in their second line. */
const CHECKED_TASK = /\bby task (.+?)\/(\d+)/;
const CPU_LINE =
  /^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.+?) (?:Kdump: loaded )?(?=Not tainted|Tainted)/;
/** Since 6.18: `WARNING: file:line at function, CPU#1: comm/123`. */
const WARNING_TASK = /, CPU#(\d+): (.+)\/(\d+)$/;
/** What comes before a trace. */
const HEADLINE_LINES = 6;
/** `RSP: 0018:ff8484f1803a3db0` has its segment before it; `RIP: 0010:function` is no value. */
const REGISTER =
  /\b(R[A-Z0-9]{2}|EFLAGS|ORIG_RAX|CR\d|x\d{1,2}|sp|lr|pstate) ?: ?(?:[0-9a-f]{4}:)?([0-9a-f]{4,16}\b)(?!:)/g;
const PROGRAMS_POINTER = /^RIP: 0033:/;
const NMI_BACKTRACE = /^NMI backtrace for cpu (\d+)$/;

export const NO_SITE: CrashSite = { trace: [], registers: {}, taints: [], modules: [] };

/** @param texts of a report, from its headline on. */
export function readSite(texts: readonly string[]): CrashSite {
  const kernel = beforeProgram(texts);
  const modules = firstMatch(/^Modules linked in:(.*)$/, texts)?.[1];
  return {
    ...optional('task', findTask(texts)),
    ...optional('at', readPointer(texts)),
    trace: readTrace(texts),
    registers: readRegisters(kernel),
    ...optional('code', firstMatch(/^Code: (.*)$/, kernel)?.[1]),
    ...optional('hardware', firstMatch(/^Hardware name: (.*)$/, texts)?.[1]),
    taints: findTaint(texts),
    modules:
      modules
        ?.replace(/ \[last unloaded: .*$/, '')
        .trim()
        .split(/\s+/)
        .filter(Boolean) ?? [],
    ...optional('lastUnloaded', modules && /\[last unloaded: ([^\]]+?)(?::\d+)?\]/.exec(modules)?.[1]),
  };
}

/**
 * Where a stalled CPU is reported by another one, it answers with a backtrace of its own.
 * @returns the lines of the first that was at work.
 */
export function backtraceOfOther(texts: readonly string[]): readonly string[] | undefined {
  const begin = texts.findIndex(text => NMI_BACKTRACE.test(text));
  return begin < 0 ? undefined : texts.slice(begin + 1);
}

function findTask(texts: readonly string[]): CrashTask | undefined {
  const head = texts.slice(0, HEADLINE_LINES);
  const hung = firstMatch(HUNG_TASK, head) ?? firstMatch(HUNG_HEADLINE, head.slice(0, 1));
  if (hung) return { pid: Number(hung[2]), comm: hung[1]! };
  const ran = firstMatch(CPU_LINE, texts);
  if (ran) return { cpu: Number(ran[1]), pid: Number(ran[2]), comm: ran[3]! };
  const warned = firstMatch(WARNING_TASK, head);
  if (warned) return { cpu: Number(warned[1]), pid: Number(warned[3]), comm: warned[2]! };
  const checked = firstMatch(CHECKED_TASK, head);
  return checked ? { pid: Number(checked[2]), comm: checked[1]! } : undefined;
}

/** A system call's report ends with the registers of the program that made it. */
function beforeProgram(texts: readonly string[]): readonly string[] {
  const end = texts.findIndex(text => PROGRAMS_POINTER.test(text));
  return end < 0 ? texts : texts.slice(0, end);
}

function readRegisters(texts: readonly string[]): Record<string, string> {
  const registers: Record<string, string> = {};
  for (const text of texts) {
    for (const [, name, value] of text.matchAll(REGISTER)) registers[name!] ??= value!;
  }
  return registers;
}

function firstMatch(pattern: RegExp, texts: readonly string[]): RegExpExecArray | undefined {
  for (const text of texts) {
    const match = pattern.exec(text);
    if (match) return match;
  }
  return undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
