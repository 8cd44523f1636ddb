/**
 * The tasks of the crashed machine (struct task_struct in include/linux/sched.h): processes from the list of init_task, their
 * threads from the list of each; where a list is broken, the table of PIDs has the others. Last the idle tasks and what
 * else a CPU ran, which no list has.
 */
import { attempt, KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { listEntries } from '../lists.ts';
import { xarrayEntries } from '../xarray.ts';
import { type CpuState, cpuStates } from './cpus.ts';
import { panicCpu } from './panic-cpu.ts';
import { type StateWord, stateWord } from './state.ts';
import { type MemoryReader, memoryReader, type TaskMemory } from './task-memory.ts';

export interface Task {
  /** Of its `struct task_struct`. */
  readonly address: bigint;
  readonly pid: number;
  /** Of its process. */
  readonly tgid: number;
  /** Of its parent's process; undefined when the parent cannot be read. */
  readonly ppid: number | undefined;
  readonly comm: string;
  readonly state: StateWord;
  /** `__state` and `exit_state` together. */
  readonly stateBits: number;
  /** Where it ran last. */
  readonly cpu: number;
  /** It was running when the machine crashed. */
  readonly isCurrent: boolean;
  readonly isKernelThread: boolean;
  /** The lowest address of its kernel stack; 0 when that was freed. */
  readonly stack: bigint;
  /** Undefined for kernel threads and for tasks without an address space. */
  readonly memory: TaskMemory | undefined;
}

export interface TaskList {
  /** By PID, the idle tasks by CPU. */
  readonly tasks: readonly Task[];
  readonly cpus: readonly CpuState[];
  /** The CPU that brought the machine down, and the task that ran there. */
  readonly panicCpu: number | undefined;
  readonly panicTask: Task | undefined;
  /** Of the machine; undefined when it cannot be read. */
  readonly totalPages: number | undefined;
  /** What could not be read. */
  readonly errors: readonly unknown[];
}

/** A macro in include/linux/sched.h. */
const PF_KTHREAD = 0x00200000;
/** PID_MAX_LIMIT */
const MOST_TASKS = 1 << 22;
const MOST_ERRORS = 16;

export function readTasks(kernel: DeadKernel): TaskList {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void (errors.length < MOST_ERRORS && errors.push(error));
  const cpus = cpuStates(kernel, onError);
  const addresses = new Set<bigint>();
  const add = (walk: () => Iterable<bigint>) => collect(kernel, addresses, walk, onError);
  const isWhole = add(() => processes(kernel));
  const areWhole = [...addresses].map(leader => add(() => threads(kernel, leader)));
  if (!isWhole || areWhole.includes(false)) add(() => tasksByPid(kernel));
  for (const { current, idle } of cpus)
    for (const task of [current, idle]) if (task !== 0n) addresses.add(task);
  const read = taskReader(kernel, cpus, addresses, onError);
  const tasks = [...addresses].flatMap(address => attempt(() => [read(address)], onError) ?? []);
  tasks.sort((a, b) => a.pid - b.pid || a.cpu - b.cpu);
  const crashed = panicCpu(kernel);
  const panicAddress = cpus.find(({ cpu }) => cpu === crashed)?.current;
  return {
    tasks,
    cpus,
    panicCpu: crashed,
    panicTask: tasks.find(({ address }) => address === panicAddress),
    totalPages: attempt(() => Number(kernel.memory.u64(kernel.symbols.require('_totalram_pages'))), onError),
    errors,
  };
}

/**
 * What a broken list leads to is rarely a task: the first that cannot be one ends it.
 * @returns whether all were found.
 */
function collect(
  kernel: DeadKernel,
  into: Set<bigint>,
  walk: () => Iterable<bigint>,
  onError: (error: unknown) => void,
): boolean {
  try {
    for (const task of walk()) {
      pidAt(kernel, task, 'task_struct.pid');
      into.add(task);
    }
    return true;
  } catch (error) {
    onError(error);
    return false;
  }
}

/** The first thread of each process, init_task included. */
function* processes(kernel: DeadKernel): Generator<bigint> {
  const init = kernel.symbols.require('init_task');
  yield init;
  yield* listEntries(
    kernel,
    kernel.fields.address(init, 'task_struct.tasks'),
    'task_struct.tasks',
    MOST_TASKS,
  );
}

function* threads(kernel: DeadKernel, leader: bigint): Generator<bigint> {
  const signal = kernel.fields.pointer(leader, 'task_struct.signal');
  if (signal === 0n) return;
  const head = kernel.fields.address(signal, 'signal_struct.thread_head');
  yield* listEntries(kernel, head, 'task_struct.thread_node', MOST_TASKS);
}

/** The `struct pid`s of the first namespace, and of each the task with this PID. */
function* tasksByPid(kernel: DeadKernel): Generator<bigint> {
  const { symbols, fields, types, memory } = kernel;
  const idr = fields.address(symbols.require('init_pid_ns'), 'pid_namespace.idr');
  const links = BigInt(types.offset('task_struct.pid_links'));
  for (const pid of xarrayEntries(kernel, fields.address(idr, 'idr.idr_rt'), MOST_TASKS)) {
    // PIDTYPE_PID is 0.
    const first = memory.u64(fields.address(pid, 'pid.tasks'), 'pid.tasks');
    if (first !== 0n) yield first - links;
  }
}

function taskReader(
  kernel: DeadKernel,
  cpus: readonly CpuState[],
  all: Iterable<bigint>,
  onError: (error: unknown) => void,
): (address: bigint) => Task {
  const { fields, types, memory } = kernel;
  const running = new Set(cpus.map(({ current }) => current));
  const idleOn = new Map(cpus.map(({ idle, cpu }) => [idle, cpu]));
  // Linux 2f064a59a11f ("sched: Change task_struct::state"), v5.14.
  const statePath = types.has('task_struct.__state') ? 'task_struct.__state' : 'task_struct.state';
  // Linux bcf9033e5449 ("sched: move CPU field back into thread_info if THREAD_INFO_IN_TASK=y"), v5.16.
  const cpuPath = types.has('task_struct.cpu') ? 'task_struct.cpu' : 'task_struct.thread_info.cpu';
  const reader = attempt(() => memoryReader(kernel, memory.arch.pageSizeBytes), onError);
  const cachedOf = cachedPagesByProcess(kernel, reader, all);
  return address => {
    const state = fields.number(address, statePath);
    const exit_state = fields.number(address, 'task_struct.exit_state');
    const isKernelThread = (fields.number(address, 'task_struct.flags') & PF_KTHREAD) !== 0;
    const mm = isKernelThread ? 0n : fields.pointer(address, 'task_struct.mm');
    const pid = pidAt(kernel, address, 'task_struct.pid');
    const tgid = pidAt(kernel, address, 'task_struct.tgid');
    return {
      address,
      pid,
      tgid,
      ppid: attempt(
        () => fields.number(fields.pointer(address, 'task_struct.real_parent'), 'task_struct.tgid'),
        onError,
      ),
      comm: fields.text(address, 'task_struct.comm'),
      state: stateWord(state, exit_state),
      stateBits: state | exit_state,
      cpu: idleOn.get(address) ?? fields.number(address, cpuPath),
      isCurrent: running.has(address),
      isKernelThread,
      stack: fields.pointer(address, 'task_struct.stack'),
      memory: mm === 0n ? undefined : attempt(() => reader?.of(mm, cachedOf.get(tgid) ?? 0), onError),
    };
  };
}

/** @throws KernelError for what cannot be a PID. */
function pidAt({ fields }: DeadKernel, task: bigint, path: string): number {
  const pid = fields.number(task, path);
  if (pid >= 0 && pid <= MOST_TASKS) return pid;
  throw new KernelError(
    'KERNEL_PID',
    { action: 'read a task', actual: `its ${path} is ${pid}`, wanted: `a PID, ${MOST_TASKS} at most` },
    { task },
  );
}

/** What cannot be read counts nothing. */
function cachedPagesByProcess(
  { fields }: DeadKernel,
  reader: MemoryReader | undefined,
  tasks: Iterable<bigint>,
): ReadonlyMap<number, number> {
  const cached = new Map<number, number>();
  for (const task of tasks) {
    attempt(() => {
      const pages = reader?.cachedPages(task) ?? 0;
      if (pages === 0) return;
      const tgid = fields.number(task, 'task_struct.tgid');
      cached.set(tgid, (cached.get(tgid) ?? 0) + pages);
    });
  }
  return cached;
}
