/**
 * The cause of a crash by its memory first and its log second. The memory has the stack as it was; the log has what the kernel
 * found out: who hung, which CPU stalled, which list was broken.
 */
import {
  type Autopsy,
  type AutopsyCrash,
  isMissing,
  present,
  type StackFrame,
} from '../../../capture/autopsy/summary/autopsy.ts';
import { type ClassName, classOf } from '../../../capture/autopsy/summary/classes.ts';
import { agreedClass, isClassName } from '../../../capture/autopsy/summary/crash-class.ts';
import { tellingFrames } from '../../../capture/autopsy/summary/culprit.ts';
import { isMachinery } from '../../../capture/autopsy/summary/machinery.ts';
import { framesOfCause } from '../../../capture/autopsy/summary/stack-frames.ts';
import type { Cause } from './cause.ts';
import type { CrashSite, CrashTask } from './crash-site.ts';
import { type Frame, frameInText, type TraceFrame } from './frames.ts';

export interface KnownCause extends Cause {
  readonly stackFrom: 'memory' | 'autopsy' | 'log';
  /** A sentence each. */
  readonly differences: readonly string[];
}

/** Without a stack in memory, the cause by the log. @param from where the autopsy comes from */
export function withMemory(
  cause: Cause,
  autopsy: Autopsy | undefined,
  from: 'memory' | 'autopsy' = 'memory',
): KnownCause {
  const crash = autopsy && present(autopsy.crash);
  if (!autopsy || !crash || isMissing(crash.stack) || crash.stack.every(({ doubtful }) => doubtful))
    return { ...cause, stackFrom: 'log', differences: [] };
  const byStack = isClassName(crash.class) ? crash.class : undefined;
  const agreed = agreedClass(byStack, cause.class);
  const differences: string[] = [];
  if (agreed.contradicts)
    differences.push(
      `By the stack in memory the crash is of class ${byStack}, by the log of class ${cause.class}.`,
    );
  const other = agreed.contradicts ? undefined : stackOfOther(cause, crash, autopsy);
  if (other === 'unknown') return { ...cause, class: agreed.class, stackFrom: 'log', differences };
  const site = siteOf(cause.site, crash, other);
  if (!other) differences.push(...taskDifference(cause.site.task, site.task));
  const found = framesOf(cause, agreed.class, site);
  const [culprit] = found;
  const logged = cause.culprit;
  if (logged && culprit && logged.name !== culprit.name && !agreed.contradicts)
    differences.push(`By the stack in memory ${culprit.name} is to blame, by the log ${logged.name}.`);
  return {
    ...cause,
    class: agreed.class,
    site,
    frames: found,
    culprit,
    stackFrom: from,
    differences,
  };
}

/** Where the task that panicked only noticed that another one did not go on. */
const NOTICED: readonly ClassName[] = ['hung-task', 'rcu-stall', 'hard-lockup', 'workqueue-lockup'];

interface OtherStack {
  readonly task: CrashTask;
  readonly stack: readonly StackFrame[];
}

/** The stack of the task that the log names; undefined where it is the one that panicked. */
function stackOfOther(
  { class: name, site: { task } }: Cause,
  crash: AutopsyCrash,
  autopsy: Autopsy,
): OtherStack | 'unknown' | undefined {
  if (!NOTICED.includes(name) || !task) return undefined;
  // All idle tasks have PID 0.
  if (task.pid === crash.task?.pid && (task.pid !== 0 || task.cpu === crash.cpu)) return undefined;
  const onCpu = present(autopsy.cpus)?.find(cpu => cpu.cpu === task.cpu && cpu.task?.pid === task.pid);
  const cpuStack = onCpu && present(onCpu.stack);
  if (cpuStack) return { task, stack: cpuStack };
  const group =
    task.pid === 0
      ? undefined
      : present(autopsy.stacks)?.find(({ tasks }) => tasks.some(({ pid }) => pid === task.pid));
  return group && group.stack.length > 0 ? { task, stack: group.stack } : 'unknown';
}

function siteOf(logged: CrashSite, crash: AutopsyCrash, other: OtherStack | undefined): CrashSite {
  const trace = framesOfCause(other?.stack ?? present(crash.stack) ?? []).map(traceFrame);
  const exception = trace.findIndex(({ interrupted }) => interrupted);
  // What comes before it only reports.
  const isFault =
    exception >= 0 && trace.slice(0, exception).every(({ name, doubtful }) => doubtful || isMachinery(name));
  const { at: _, ...rest } = logged;
  return {
    ...rest,
    task: other?.task ?? (crash.task && { ...crash.task, cpu: crash.cpu }) ?? logged.task,
    ...(isFault && { at: trace[exception]! }),
    trace: isFault ? trace.slice(exception + 1) : trace,
    registers: other || Object.keys(crash.registers).length === 0 ? logged.registers : crash.registers,
  };
}

/** A frame without a symbol is named by its address. */
function traceFrame({
  name,
  address,
  offset,
  size,
  module,
  context,
  interrupted,
  doubtful,
}: StackFrame): TraceFrame {
  return {
    name: name ?? address,
    offset: offset ?? '0x0',
    size: size ?? '0x0',
    ...(module !== undefined && { module }),
    ...(doubtful && { doubtful }),
    context: context ?? 'TASK',
    interrupted: interrupted ?? false,
  };
}

function framesOf({ reason = '', batch }: Cause, name: ClassName, site: CrashSite): Frame[] {
  const headline = batch[0]?.headline ?? reason;
  return tellingFrames<Frame, TraceFrame>(site, classOf(name).blame, frameInText(headline));
}

function taskDifference(logged: CrashTask | undefined, found: CrashTask | undefined): string[] {
  if (!logged || !found || (logged.pid === found.pid && logged.comm === found.comm)) return [];
  const text = ({ comm, pid }: CrashTask) => `${comm} (pid ${pid})`;
  return [`By the memory ${text(found)} ran, by the log ${text(logged)}.`];
}
