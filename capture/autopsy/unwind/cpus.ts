/**
 * What each CPU ran when the kernel died, and with which registers: those that crash_save_cpu (kernel/crash_core.c) left as
 * a note, in the crashed kernel's memory and in the vmcore's PT_NOTE.
 */
import { attempt } from '../../errors.ts';
import { EM_X86_64 } from '../../vmcore/machines.ts';
import { decodeNotes, isPrstatus, type Note, prstatusNotes } from '../../vmcore/notes.ts';
import type { DeadKernel } from '../kernel.ts';
import { type CpuState, cpuStates } from '../tasks/cpus.ts';
import { decodeArm64Registers } from './arm64-registers.ts';
import type { Registers } from './frame.ts';
import { decodeX86Registers } from './x86-registers.ts';

export interface DeadCpu {
  readonly cpu: number;
  /** The address of the task_struct that it ran; undefined when the dump does not say. */
  readonly task: bigint | undefined;
  /**
   * On the CPU that panicked: those of the fault, or of the call of panic(). On others: where the stop interrupted them.
   * Undefined for a CPU that did not stop, and for one whose note is not in the dump.
   */
  readonly registers: Registers | undefined;
}

/** Of `struct elf_prstatus` (include/linux/elfcore.h). */
const PR_PID_OFFSET = 32;
const PR_REG_OFFSET = 112;
/** Enough for the first note of any architecture. */
const NOTE_BYTES = 1024;

/**
 * The CPUs that were online when the kernel died, ascending. A panic without a crash kernel takes all others offline: those
 * that left registers are among them.
 */
export function deadCpus(kernel: DeadKernel): DeadCpu[] {
  const { online, possible } = kernel.perCpu;
  const states = cpuStates(kernel, () => {});
  const noteOf = savedNotes(kernel, states);
  return possible.flatMap(cpu => {
    const note = noteOf(cpu);
    const registers = note && attempt(() => registersOf(kernel, note));
    if (!registers && !online.includes(cpu)) return [];
    const task = states.find(state => state.cpu === cpu)?.current || undefined;
    return [{ cpu, task, registers }];
  });
}

/** By CPU. The PT_NOTE has no CPU numbers, and none of a CPU that saved nothing: memory is asked first. */
function savedNotes(
  kernel: DeadKernel,
  states: readonly CpuState[],
): (cpu: number) => Uint8Array | undefined {
  const { online, possible } = kernel.perCpu;
  const inMemory = new Map(possible.map(cpu => [cpu, attempt(() => noteInMemory(kernel, cpu))?.desc]));
  if ([...inMemory.values()].some(note => note !== undefined)) return cpu => inMemory.get(cpu);
  const notes = prstatusNotes(kernel.vmcore.notes).map(({ desc }) => desc);
  // QEMU's dump-guest-memory writes one for each CPU, and a number of its own as the PID.
  if (notes.length === possible.length) return cpu => notes[possible.indexOf(cpu)];
  if (notes.length === online.length) return cpu => notes[online.indexOf(cpu)];
  return cpu => {
    const current = states.find(state => state.cpu === cpu)?.current;
    const pid = current && attempt(() => kernel.fields.number(current, 'task_struct.pid'));
    // Each idle CPU's task has PID 0.
    return pid ? notes.find(note => pidOf(note) === pid) : undefined;
  };
}

function noteInMemory({ symbols, memory, perCpu }: DeadKernel, cpu: number): Note | undefined {
  const buffer = perCpu.address(memory.pointer(symbols.require('crash_notes'), 'crash_notes'), cpu);
  const bytes = new Uint8Array(NOTE_BYTES);
  const { notes } = decodeNotes(bytes.subarray(0, memory.readVirtualUpTo(buffer, bytes)));
  return notes.find(({ name, type }) => isPrstatus({ name, n_type: type }));
}

function pidOf(note: Uint8Array): number | undefined {
  return note.length < PR_PID_OFFSET + 4 ? undefined : viewOf(note).getInt32(PR_PID_OFFSET, true);
}

/** @throws RangeError for a note that is too short. */
function registersOf({ vmcore }: DeadKernel, note: Uint8Array): Registers {
  const decode = vmcore.elf.header.e_machine === EM_X86_64 ? decodeX86Registers : decodeArm64Registers;
  return decode(new DataView(note.buffer, note.byteOffset + PR_REG_OFFSET, note.length - PR_REG_OFFSET));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
