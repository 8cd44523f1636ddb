/**
 * Backtraces of the tasks of a dead kernel, without debug symbols. A stack that is damaged, or not in the dump, costs the
 * rest of its own backtrace, which says so.
 */
import { AutopsyError } from '../../errors.ts';
import { EM_AARCH64, EM_X86_64 } from '../../vmcore/machines.ts';
import type { DeadKernel } from '../kernel.ts';
import { panicCpu } from '../tasks/panic-cpu.ts';
import { arm64Unwinding } from './arm64.ts';
import { type DeadCpu, deadCpus } from './cpus.ts';
import type { Backtrace, Frame } from './frame.ts';
import { walkTask } from './task-walk.ts';
import type { UnwindArch } from './unwind-arch.ts';
import type { WalkedFrame } from './walk.ts';
import { x86Unwinding } from './x86.ts';

/** By e_machine. */
const ARCHES: Readonly<Record<number, ((kernel: DeadKernel) => UnwindArch) | undefined>> = {
  [EM_X86_64]: x86Unwinding,
  [EM_AARCH64]: arm64Unwinding,
};

export interface Unwinder {
  /** Those that were online when the kernel died. */
  readonly cpus: readonly DeadCpu[];
  /** The CPU that ran the task; undefined when none did. */
  cpuOf(task: bigint): DeadCpu | undefined;
  /** @param task the address of a task_struct. Throws nothing for what is damaged. */
  backtrace(task: bigint): Backtrace;
}

/** @throws AutopsyError when nothing can be unwound: the kernel has no tables, or tables in a format that is not known. */
export function openUnwinder(kernel: DeadKernel): Unwinder {
  const { e_machine } = kernel.vmcore.elf.header;
  const create = ARCHES[e_machine];
  if (!create) {
    throw new AutopsyError('NO_UNWINDING', {
      action: 'unwind stacks',
      actual: `e_machine is ${e_machine}`,
      wanted: Object.keys(ARCHES).join(' or '),
    });
  }
  const arch = create(kernel);
  const cpus = deadCpus(kernel);
  const panicked = panicCpu(kernel);
  const cpuOf = (task: bigint) => cpus.find(cpu => cpu.task === task);
  return {
    cpus,
    cpuOf,
    backtrace: task => {
      const cpu = cpuOf(task);
      const { frames, end } = walkTask({
        kernel,
        arch,
        task,
        cpu,
        panicked: cpu !== undefined && cpu.cpu === panicked,
      });
      return { frames: frames.map(frame => named(kernel, frame)), ...end };
    },
  };
}

/** A return address may be behind the last instruction of its function, when the call never returns. */
function named({ symbols }: DeadKernel, { isExact, stack, ...frame }: WalkedFrame): Frame {
  const shift = isExact ? 0n : 1n;
  const found = frame.kind === 'user' ? undefined : symbols.at(frame.address - shift);
  return {
    ...frame,
    ...(stack && { stack: stack.name }),
    ...(found && {
      symbol: found.name,
      offset: found.offset + Number(shift),
      sizeBytes: found.sizeBytes,
      module: found.module,
    }),
  };
}
