/**
 * Where the kernel crashed, by its own log: the report of the crash (an oops, a lockup, a panic) with its task, RIP and
 * call trace. Follows what arch/x86/kernel/dumpstack.c and arch/arm64/kernel/traps.c print, from 5.10 to 7.x.
 */
import { panicReason } from '../../../capture/kernel/panic-line.ts';
import { findTaint, type Taint } from './taint.ts';

export interface Frame {
  /** Without its offset, and without what the compiler added (`.cold`, `.isra.0`). */
  readonly name: string;
  readonly module?: string;
}

export interface CrashSite {
  /** The panic line, or the line that says more. */
  readonly reason?: string;
  /** Who ran on the CPU that crashed; of a hung task, that task, which ran nowhere. */
  readonly task?: { readonly cpu?: number; readonly pid: number; readonly comm: string };
  /** Where the CPU was: an oops and a lockup say it, a panic does not. */
  readonly at?: Frame;
  /** Innermost first, without the frames that the unwinder doubts. */
  readonly trace: readonly Frame[];
  readonly hardware?: string;
  readonly taints: readonly Taint[];
  /** As the log lists them, their flags with them: `nvme`, `mine(OE)`. */
  readonly modules: readonly string[];
  /** Since its boot; the log's last time. */
  readonly uptimeSeconds?: number;
}

/** khungtaskd's line of a task (kernel/sched/core.c: sched_show_task). */
const HUNG_TASK = /^task:(.+?) +state:\S+ .*?\bpid: *(\d+)/;
/** A report's lines, with the registers and the modules of a large machine. */
const REPORT_LINES = 300;
/** What comes before a trace. */
const HEADLINE_LINES = 6;
const CPU_LINE =
  /^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.+?) (?:Kdump: loaded )?(?=Not tainted|Tainted)/;
const FRAME = /^\s*([\w.]+)\+0x[0-9a-f]+\/0x[0-9a-f]+(?: \[([\w-]+)[^\]]*\])?$/;
/** The segment 0010 is the kernel's: a RIP in 0033 is a program's. */
const AT = /^(?:RIP: 0010:|pc : )([\w.]+)\+0x[0-9a-f]+\/0x[0-9a-f]+(?: \[([\w-]+)[^\]]*\])?/;
const TRACE_BEGINS = /^Call [Tt]race:/;
/** The end of a trace, or the beginning of what is not of it. */
const TRACE_ENDS =
  /^\s*(<\/TASK>|---\[ end trace|Modules linked in:|Kernel Offset:|Kernel panic|CPU: \d+ |Sending NMI)/;

/** @param reason the manifest's, which was found as the log was read; else it is looked for here. */
export function findCrashSite(log: string, reason: string | undefined): CrashSite {
  const lines = log.split('\n').filter(line => line.trim() !== '');
  const texts = lines.map(textOf);
  const found = reason ?? panicReason(log);
  const begin = found === undefined ? -1 : texts.findLastIndex(text => text.includes(found));
  const report = begin < 0 ? [] : texts.slice(begin, begin + REPORT_LINES);
  const traceAt = report.findIndex(text => TRACE_BEGINS.test(text));
  // Behind the trace's beginning stands what an interrupt interrupted.
  const at = firstMatch(AT, traceAt < 0 ? report : report.slice(0, traceAt));
  const modules = firstMatch(/^Modules linked in:(.*?)(?: \[last unloaded: .*)?$/, report)?.[1];
  return {
    ...(found !== undefined && { reason: found }),
    ...optional('task', findTask(report)),
    ...(at && { at: frame(at) }),
    trace: traceAt < 0 ? [] : readTrace(report.slice(traceAt + 1)),
    ...optional('hardware', firstMatch(/^Hardware name: (.*)$/, report)?.[1]),
    taints: findTaint(report),
    modules: modules?.trim().split(/\s+/).filter(Boolean) ?? [],
    ...optional('uptimeSeconds', secondsOf(lines.at(-1) ?? '')),
  };
}

function findTask(report: readonly string[]): CrashSite['task'] {
  const hung = firstMatch(HUNG_TASK, report.slice(0, HEADLINE_LINES));
  if (hung) return { pid: Number(hung[2]), comm: hung[1]! };
  const ran = firstMatch(CPU_LINE, report);
  return ran ? { cpu: Number(ran[1]), pid: Number(ran[2]), comm: ran[3]! } : undefined;
}

function readTrace(lines: readonly string[]): Frame[] {
  const end = lines.findIndex(line => TRACE_ENDS.test(line));
  return lines
    .slice(0, end < 0 ? undefined : end)
    .map(line => FRAME.exec(line))
    .filter(match => match !== null)
    .map(frame);
}

function frame([, name, module]: RegExpExecArray): Frame {
  return { name: name!.replace(/\.(cold|isra|constprop|part|llvm)\b.*$/, ''), ...optional('module', module) };
}

function firstMatch(pattern: RegExp, lines: readonly string[]): RegExpExecArray | undefined {
  for (const line of lines) {
    const match = pattern.exec(line);
    if (match) return match;
  }
  return undefined;
}

/** A line without its time and its caller's id. */
function textOf(line: string): string {
  return line.replace(/^(\s*\[[ \w.]{1,24}\])* ?/, '').trimEnd();
}

function secondsOf(line: string): number | undefined {
  const seconds = /^\s*\[ *(\d+\.\d+)\]/.exec(line)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
