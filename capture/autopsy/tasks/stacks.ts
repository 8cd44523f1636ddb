/**
 * The kernel stacks that a task can be on: its own, and while it runs those of its CPU. Layouts of x86:
 * arch/x86/include/asm/cpu_entry_area.h and Documentation/arch/x86/kernel-stacks.rst; of arm64: arch/arm64/include/asm/stacktrace.h.
 */
import { attempt } from '../../errors.ts';
import { EM_AARCH64, EM_X86_64 } from '../../vmcore/machines.ts';
import type { DeadKernel } from '../kernel.ts';

export type StackName =
  | 'task'
  | 'IRQ'
  | 'NMI'
  | 'DOUBLEFAULT'
  | 'DEBUG'
  | 'MCE'
  | 'VC'
  | 'VC2'
  | 'entry'
  | 'overflow'
  | 'SDEI';

/** Half-open. */
export interface Stack {
  readonly name: StackName;
  readonly start: bigint;
  readonly end: bigint;
}

/** An empty stack's pointer is its end; that of a stack which overflowed is in the guard page below. */
export function stackAt(stacks: readonly Stack[], sp: bigint): Stack | undefined {
  return (
    stacks.find(({ start, end }) => sp >= start && sp < end) ??
    stacks.find(({ start, end }) => sp === end || (sp < start && sp >= start - GUARD_BYTES))
  );
}

const GUARD_BYTES = 4096n;

/** Undefined for a dead task whose stack was freed. @throws AutopsyError, KernelError */
export function taskStack(kernel: DeadKernel, task: bigint): Stack | undefined {
  const start = kernel.fields.pointer(task, 'task_struct.stack');
  return start === 0n ? undefined : { name: 'task', start, end: start + BigInt(stackBytes(kernel)) };
}

/** Those of a CPU that the dump describes; none for an architecture whose stacks are not known. */
export function cpuStacks(kernel: DeadKernel, cpu: number): Stack[] {
  return CPU_STACKS[kernel.vmcore.elf.header.e_machine]?.(kernel, cpu) ?? [];
}

/** By e_machine. */
const CPU_STACKS: Readonly<Record<number, ((kernel: DeadKernel, cpu: number) => Stack[]) | undefined>> = {
  [EM_X86_64]: x86CpuStacks,
  [EM_AARCH64]: arm64CpuStacks,
};

function x86CpuStacks(kernel: DeadKernel, cpu: number): Stack[] {
  const irq = attempt(() => irqStack(kernel, cpu));
  return [...(irq ? [irq] : []), ...(attempt(() => entryAreaStacks(kernel, cpu)) ?? [])];
}

/** THREAD_SIZE, which a kernel with KASAN has larger. */
export function stackBytes({ types, memory }: DeadKernel): number {
  return types.has('thread_union') ? types.size('thread_union') : memory.arch.stackBytes;
}

/**
 * It is as large as a task's. The pointer is 8 bytes below the end, where the interrupted stack's pointer is kept. From
 * v6.2 to v6.14 it was in pcpu_hot: Linux commit d7b6d709a76a ("x86/percpu: Move irq_stack variables next to
 * current_task").
 */
function irqStack(kernel: DeadKernel, cpu: number): Stack | undefined {
  const { perCpu, symbols, fields, memory } = kernel;
  const pointer =
    symbols.address('hardirq_stack_ptr') === undefined
      ? fields.pointer(perCpu.address('pcpu_hot', cpu), 'pcpu_hot.hardirq_stack_ptr')
      : memory.u64(perCpu.address('hardirq_stack_ptr', cpu));
  if (pointer === 0n) return undefined;
  const end = ((pointer + PAGE_BYTES - 1n) / PAGE_BYTES) * PAGE_BYTES;
  return { name: 'IRQ', start: end - BigInt(stackBytes(kernel)), end };
}

const PAGE_BYTES = 4096n;

const EXCEPTION_STACKS: Readonly<Record<string, StackName | undefined>> = {
  DF_stack: 'DOUBLEFAULT',
  NMI_stack: 'NMI',
  DB_stack: 'DEBUG',
  MCE_stack: 'MCE',
  VC_stack: 'VC',
  VC2_stack: 'VC2',
};

/** Those of exceptions, and the small one that the CPU starts on when it comes from user mode. */
function entryAreaStacks({ perCpu, memory, types }: DeadKernel, cpu: number): Stack[] {
  const exceptions = memory.pointer(perCpu.address('cea_exception_stacks', cpu), 'the exception stacks');
  const stacks = types.members('cea_exception_stacks').flatMap(({ name, offsetBytes, sizeBytes }) => {
    const known = EXCEPTION_STACKS[name];
    return known && sizeBytes > 0 ? [stackOf(known, exceptions + BigInt(offsetBytes), sizeBytes)] : [];
  });
  const entry = attempt(() => {
    const area = exceptions - BigInt(types.offset('cpu_entry_area.estacks'));
    const { offsetBytes, sizeBytes } = types.field('cpu_entry_area.entry_stack_page');
    return stackOf('entry', area + BigInt(offsetBytes), sizeBytes);
  });
  return entry ? [...stacks, entry] : stacks;
}

function stackOf(name: StackName, start: bigint, sizeBytes: number): Stack {
  return { name, start, end: start + BigInt(sizeBytes) };
}

/** Of arm64 (arch/arm64/kernel/irq.c, traps.c, sdei.c). */
function arm64CpuStacks(kernel: DeadKernel, cpu: number): Stack[] {
  const { perCpu, memory, symbols } = kernel;
  const pointed = (name: StackName, variable: string) =>
    attempt(() => stackOf(name, memory.pointer(perCpu.address(variable, cpu)), stackBytes(kernel)));
  const overflow = attempt(() =>
    stackOf('overflow', perCpu.address(symbols.require('overflow_stack'), cpu), OVERFLOW_STACK_BYTES),
  );
  return [
    pointed('IRQ', 'irq_stack_ptr'),
    pointed('SDEI', 'sdei_stack_normal_ptr'),
    pointed('SDEI', 'sdei_stack_critical_ptr'),
    overflow,
  ].filter(stack => stack !== undefined);
}

const OVERFLOW_STACK_BYTES = 4096;
