/**
 * From a frame to its caller by frame records, a pair of the caller's frame pointer and a return address, as arm64 keeps
 * them (AAPCS64; arch/arm64/kernel/stacktrace.c). In pt_regs there is a record, too: `stackframe`.
 */
import type { Cursor, Step } from './cursor.ts';
import type { Registers } from './frame.ts';

export interface FramePointerMachine {
  u64(vaddr: bigint): bigint;
  /** Without the pointer authentication code. */
  plain(address: bigint): bigint;
  /** Of the pt_regs whose `stackframe` is at `record`; undefined when the layout of pt_regs is not known. */
  registersAround(record: bigint): Registers | undefined;
  isUserMode(registers: Registers): boolean;
  /** Of a function that was interrupted with these registers: the caller that no record has. See arm64-link.ts. */
  callerByLink(registers: Registers, inRecord: bigint): bigint | undefined;
  /** Whether the word behind an empty record says what it is; Linux commit c2c6b27b5aa1, v6.13. */
  readonly hasRecordTypes: boolean;
}

/** FRAME_META_TYPE_PT_REGS (arch/arm64/include/asm/stacktrace/frame.h). */
const PT_REGS = 2n;

/** @param cursor with the frame pointer as `bp`. @throws KernelError when a record cannot be read. */
export function framePointerStep(machine: FramePointerMachine, cursor: Cursor): Step {
  const { bp: record } = cursor;
  if (record === undefined || record === 0n) return { to: 'nowhere', why: 'it has no frame pointer' };
  if (record % 8n !== 0n)
    return { to: 'nowhere', why: `its frame pointer 0x${record.toString(16)} is not aligned` };
  const next = machine.u64(record);
  const saved = machine.u64(record + 8n);
  if (next === 0n && saved === 0n) return emptyRecord(machine, record);
  const ip = machine.plain(saved);
  const registers = machine.registersAround(record);
  // Before v6.13 the record in the pt_regs of an exception has what was interrupted.
  if (registers?.pc === saved && registers.x29 === next) return interrupted(registers);
  const link = cursor.registers && machine.callerByLink(cursor.registers, ip);
  if (link !== undefined) {
    const { sp } = cursor;
    return { to: 'call', cursor: { ip: link, sp, bp: record, isExact: false }, slot: sp, isGuess: false };
  }
  const caller = { ip, sp: record + 16n, bp: next, isExact: false };
  return { to: 'call', cursor: caller, slot: record + 8n, isGuess: false };
}

/** The last one of a stack, or one that stands for an exception. */
function emptyRecord(machine: FramePointerMachine, record: bigint): Step {
  const registers = machine.registersAround(record);
  if (machine.hasRecordTypes && machine.u64(record + 16n) === PT_REGS) {
    return registers ? interrupted(registers) : { to: 'nowhere', why: 'the layout of pt_regs is not known' };
  }
  // A kernel thread has an empty pt_regs at the beginning of its stack.
  const isUser = registers && registers.pc !== 0n && machine.isUserMode(registers);
  return isUser ? { to: 'user', registers } : { to: 'end' };
}

function interrupted(registers: Registers): Step {
  const { pc, sp, x29 } = registers as { pc: bigint; sp: bigint; x29: bigint };
  return { to: 'exception', registers, cursor: { ip: pc, sp, bp: x29, registers, isExact: true } };
}
