/** The autopsy of a dead kernel, part by part. What one part cannot read costs that part, and it says so. */
import { attempt, counted, describeError } from '../../errors.ts';
import { type Inspection, inspect } from '../inspection.ts';
import type { DeadKernel } from '../kernel.ts';
import { readModuleList, taintLetters } from '../module-list.ts';
import type { StateWord } from '../tasks/state.ts';
import type { Task, TaskList } from '../tasks/tasks.ts';
import type { Backtrace } from '../unwind/frame.ts';
import type { Unwinder } from '../unwind/unwinder.ts';
import {
  type Autopsy,
  type AutopsyCpu,
  type AutopsyCrash,
  type AutopsyModule,
  isMissing,
  type Part,
  type StackFrame,
  type StackGroup,
  type Wait,
} from './autopsy.ts';
import { classOf } from './classes.ts';
import { classOfStack } from './crash-class.ts';
import { tellingFrames } from './culprit.ts';
import { foldStacks, type TaskStack } from './fold.ts';
import { framesOfCause, loggedRegisters, stackFrames } from './stack-frames.ts';

/** How much of the tasks an autopsy shows. */
export interface Limits {
  /** Stacks that are unwound. Blocked tasks and those of CPUs come first. */
  readonly stacks: number;
  /** Tasks that a group names. */
  readonly names: number;
}

/** As many as a machine has, within reason. */
export const REPORT_LIMITS: Limits = { stacks: 20_000, names: 2000 };

export type KernelParts = Pick<
  Autopsy,
  'crash' | 'cpus' | 'stacks' | 'waits' | 'modules' | 'taints' | 'meminfo'
>;

/** Never throws. */
export function readKernelParts(
  kernel: DeadKernel,
  limits = REPORT_LIMITS,
  inspection = inspect(kernel),
): KernelParts {
  const list = tasksOf(kernel, inspection);
  const unwinder = part(() => inspection.unwinder());
  return {
    ...taskParts(kernel, inspection, list, unwinder, limits),
    modules: part(() => readModules(kernel)),
    taints: part(() => readTaints(kernel)),
    meminfo: part(() => meminfoOf(inspection)),
  };
}

function taskParts(
  kernel: DeadKernel,
  inspection: Inspection,
  list: Part<TaskList>,
  unwinder: Part<Unwinder>,
  limits: Limits,
): Pick<KernelParts, 'crash' | 'cpus' | 'stacks' | 'waits'> {
  if (isMissing(list)) return { crash: list, cpus: list, stacks: list, waits: list };
  const { tasks } = list;
  const stackOf = stackReader(unwinder);
  return {
    crash: part(() => readCrash(list, unwinder, stackOf)),
    cpus: list.cpus.length > 0 ? cpusOf(list, unwinder, stackOf) : { missing: 'no runqueue can be read' },
    stacks: isMissing(unwinder) ? unwinder : readStacks(tasks, stackOf, limits),
    waits: part(() => waitsOf(kernel, inspection, tasks, stackOf)),
  };
}

function tasksOf(kernel: DeadKernel, inspection: Inspection): Part<TaskList> {
  const list = part(() => inspection.tasks());
  if (isMissing(list) || list.tasks.length > 0) return list;
  return { missing: kernel.missing[0] ?? describeError(list.errors[0] ?? 'the list of tasks is empty') };
}

interface ReadStack {
  readonly stack: readonly StackFrame[];
  readonly incomplete?: string;
  /** Of the unwinder; undefined where there is none. */
  readonly backtrace?: Backtrace;
}

function stackReader(unwinder: Part<Unwinder>): (task: Task) => ReadStack {
  const known = new Map<bigint, ReadStack>();
  const read = ({ address }: Task): ReadStack => {
    if (isMissing(unwinder)) return { stack: [], incomplete: unwinder.missing };
    const backtrace = attempt(() => unwinder.backtrace(address));
    if (!backtrace) return { stack: [], incomplete: 'it cannot be unwound' };
    return {
      stack: stackFrames(backtrace.frames),
      ...(backtrace.end === 'stopped' && { incomplete: backtrace.why }),
      backtrace,
    };
  };
  return task => {
    const stack = known.get(task.address) ?? read(task);
    known.set(task.address, stack);
    return stack;
  };
}

function stackPart({ stack, incomplete }: ReadStack): Part<readonly StackFrame[]> {
  return stack.length === 0 ? { missing: incomplete ?? 'it is empty' } : stack;
}

function readCrash(
  { panicCpu, panicTask: task }: TaskList,
  unwinder: Part<Unwinder>,
  stackOf: (task: Task) => ReadStack,
): Part<AutopsyCrash> {
  if (panicCpu === undefined) return { missing: 'no CPU panicked: the memory is that of a running machine' };
  const read = task && stackOf(task);
  const stack = read?.stack ?? [];
  const cause = framesOfCause(stack);
  const names = cause.flatMap(({ name, doubtful }) => (name === undefined || doubtful ? [] : [name]));
  const found = classOfStack(names);
  const [culprit] =
    found === undefined ? [] : tellingFrames<StackFrame, StackFrame>({ trace: cause }, classOf(found).blame);
  // Not those of the program: they say nothing about the kernel.
  const excepted = read?.backtrace?.frames
    .slice(stack.length - cause.length)
    .find(({ kind }) => kind === 'exception')?.registers;
  const saved = isMissing(unwinder)
    ? undefined
    : unwinder.cpus.find(({ cpu }) => cpu === panicCpu)?.registers;
  return {
    ...(found !== undefined && { class: found }),
    ...(culprit && { culprit }),
    cpu: panicCpu,
    ...(task && { task: nameOf(task) }),
    registers: loggedRegisters(excepted ?? saved ?? {}),
    stack: read ? stackPart(read) : { missing: 'the task of the CPU that panicked cannot be read' },
  };
}

/** Without those that were offline before the panic. */
function cpusOf(
  { cpus, tasks, panicCpu }: TaskList,
  unwinder: Part<Unwinder>,
  stackOf: (task: Task) => ReadStack,
): AutopsyCpu[] {
  const byAddress = new Map(tasks.map(task => [task.address, task]));
  const ran = isMissing(unwinder) ? undefined : new Set(unwinder.cpus.map(({ cpu }) => cpu));
  return cpus
    .filter(({ cpu, isOnline }) => ran?.has(cpu) ?? isOnline)
    .map(({ cpu, current, idle }) => {
      const task = byAddress.get(current);
      return {
        cpu,
        ...(task && { task: nameOf(task) }),
        isIdle: current === idle,
        isPanicking: cpu === panicCpu,
        stack: task ? stackPart(stackOf(task)) : { missing: 'its task cannot be read' },
      };
    });
}

function readStacks(
  tasks: readonly Task[],
  stackOf: (task: Task) => ReadStack,
  limits: Limits,
): StackGroup[] {
  const urgent = (task: Task) => Number(isBlocked(task)) + Number(task.isCurrent);
  const chosen = [...tasks].sort((a, b) => urgent(b) - urgent(a)).slice(0, limits.stacks);
  const stacks = chosen.map(task => {
    const { stack, incomplete } = stackOf(task);
    return {
      task: nameOf(task),
      state: STATES[task.state],
      stack,
      ...(incomplete !== undefined && { incomplete }),
    };
  });
  const left = tasks.length - chosen.length;
  const groups = foldStacks(stacks, limits.names);
  if (left === 0) return groups;
  return [
    ...groups,
    { stack: [], incomplete: `${counted(left, 'stack')} not unwound`, count: left, states: {}, tasks: [] },
  ];
}

function waitsOf(
  kernel: DeadKernel,
  inspection: Inspection,
  tasks: readonly Task[],
  stackOf: (task: Task) => ReadStack,
): Wait[] {
  const byAddress = new Map(tasks.map(task => [task.address, task]));
  return inspection.waits().found.waiting.map(({ task, wait, holder }) => {
    const [first] = tellingFrames({ trace: stackOf(task).stack }, 'trace');
    const owner = holder?.by === 'task' ? byAddress.get(holder.task) : undefined;
    return {
      task: nameOf(task),
      state: STATES[task.state],
      ...(wait && { kind: wait.kind, lock: lockName(kernel, wait.lock) }),
      ...(owner && { owner: nameOf(owner) }),
      ...(holder?.by === 'readers' && { readers: holder.count }),
      ...(first?.name !== undefined && { in: first.name }),
    };
  });
}

/** By its symbol, or by its address where it is a part of something. */
function lockName({ symbols }: DeadKernel, lock: bigint): string {
  const symbol = symbols.at(lock);
  return symbol?.offset === 0 ? symbol.name : `0x${lock.toString(16)}`;
}

function isBlocked({ state }: Task): boolean {
  return state === 'UN';
}

function nameOf({ pid, comm }: Task): TaskStack['task'] {
  return { pid, comm };
}

/** crash's words as the letters of ps. */
const STATES: Readonly<Record<StateWord, string>> = {
  RU: 'R',
  IN: 'S',
  UN: 'D',
  ID: 'I',
  ZO: 'Z',
  DE: 'X',
  ST: 'T',
  TR: 't',
  PA: 'P',
  WA: 'W',
  NE: 'N',
  FR: 'F',
  '??': '?',
};

function readModules(kernel: DeadKernel): Part<AutopsyModule[]> {
  const { found, problems } = readModuleList(kernel);
  if (found.length === 0 && (problems.length > 0 || !kernel.types.has('module.list')))
    return { missing: problems[0] ?? kernel.missing[0] ?? 'the list of modules cannot be read' };
  return found.map(({ name, sizeBytes, taints }) => ({
    name,
    sizeBytes,
    ...(taints !== undefined && taints !== '' && { taints }),
  }));
}

function readTaints({ symbols, memory }: DeadKernel): string[] {
  return [...taintLetters(memory.u64(symbols.require('tainted_mask'), 'tainted_mask'))];
}

function meminfoOf(inspection: Inspection): Part<Record<string, number>> {
  const { found, problems } = inspection.meminfo();
  const rows = found.filter(({ unit }) => unit === 'kB');
  if (rows.length === 0) return { missing: problems[0] ?? 'no counter of memory can be read' };
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

function part<T>(read: () => Part<T>): Part<T> {
  try {
    return read();
  } catch (error) {
    return { missing: describeError(error) };
  }
}
