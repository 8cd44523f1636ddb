/** What `bt` shows: whose backtraces, and as JSON. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { Task, TaskList } from '../../../capture/autopsy/tasks/tasks.ts';
import type { DeadCpu } from '../../../capture/autopsy/unwind/cpus.ts';
import type { Backtrace, Frame } from '../../../capture/autopsy/unwind/frame.ts';
import { AutopsyError } from '../../../capture/errors.ts';
import { UsageError, wholeNumber } from '../cli/command.ts';
import { chooseTasks } from './ps.ts';

/** At most one of them; none for the task that panicked. */
export interface BtChoice {
  /** PIDs, names, or addresses of task_structs. */
  readonly words: readonly string[];
  /** The task of each CPU. */
  readonly active: boolean;
  readonly all: boolean;
  readonly panic: boolean;
  /** The task of one CPU, by its number. */
  readonly cpu: string | undefined;
}

/**
 * @param lacks what of the kernel cannot be read, the cause first.
 * @throws UsageError; AutopsyError NO_TASKS, or NO_PANIC when none is named and none panicked.
 */
export function chooseBacktraces(
  list: TaskList,
  cpus: readonly DeadCpu[],
  choice: BtChoice,
  [lacks]: readonly string[] = [],
): Task[] {
  const { words, active, all, panic, cpu } = choice;
  const given = [words.length > 0, active, all, panic, cpu !== undefined].filter(isGiven => isGiven).length;
  if (given > 1) {
    throw new UsageError('USAGE', {
      action: 'run kdumpling bt',
      actual: `${given} ways to choose tasks are given`,
      wanted: 'one of PIDs, --active, --all-tasks, --cpu and --panic',
    });
  }
  if (list.tasks.length === 0) {
    throw new AutopsyError('NO_TASKS', {
      action: 'show backtraces',
      actual: lacks ?? 'no task can be read',
      toDo: 'what the kernel printed is in its log: kdumpling log',
    });
  }
  if (all) return [...list.tasks];
  if (active) return cpus.flatMap(({ task }) => taskAt(list, task));
  if (cpu !== undefined) return taskAt(list, cpuAt(cpus, cpu).task);
  if (words.length > 0) return chooseTasks(list.tasks, { words, only: undefined, leaders: false });
  if (list.panicTask) return [list.panicTask];
  throw new AutopsyError('NO_PANIC', {
    action: 'show the backtrace of the task that panicked',
    actual: 'the dump does not say which one that was',
    toDo: 'name a PID, or try kdumpling bt --active',
  });
}

/** @throws UsageError */
function cpuAt(cpus: readonly DeadCpu[], text: string): DeadCpu {
  const number = wholeNumber('cpu', text, 0, 1 << 20);
  const found = cpus.find(({ cpu }) => cpu === number);
  if (found) return found;
  throw new UsageError('NO_CPU', {
    action: 'use --cpu',
    actual: `CPU ${number} was not online`,
    wanted: cpus.length === 0 ? 'a CPU that was' : `one of ${cpus.map(({ cpu }) => cpu).join(', ')}`,
  });
}

function taskAt({ tasks }: TaskList, address: bigint | undefined): Task[] {
  return tasks.filter(task => task.address === address);
}

export function btData({ address, pid, comm, cpu, isCurrent }: Task, backtrace: Backtrace) {
  return {
    address: addressDigits(address),
    pid,
    comm,
    cpu,
    isCurrent,
    end: backtrace.end,
    ...(backtrace.end === 'stopped' && { why: backtrace.why }),
    frames: backtrace.frames.map(frameData),
  };
}

function frameData({
  address,
  sp,
  symbol,
  offset,
  sizeBytes,
  module,
  reliable,
  kind,
  stack,
  registers,
}: Frame) {
  return {
    address: addressDigits(address),
    sp: addressDigits(sp),
    kind,
    reliable,
    ...(stack !== undefined && { stack }),
    ...(symbol !== undefined && { symbol, offset }),
    ...(sizeBytes !== undefined && { bytes: sizeBytes }),
    ...(module !== undefined && { module }),
    ...(registers && {
      registers: Object.fromEntries(
        Object.entries(registers).map(([name, value]) => [name, addressDigits(value)]),
      ),
    }),
  };
}
