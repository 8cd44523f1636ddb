/**
 * From a frame to its caller on x86-64 kernels with CONFIG_UNWINDER_FRAME_POINTER: RBP leads to a pair of the caller's RBP
 * and a return address (arch/x86/kernel/unwind_frame.c). Where an exception came in, RBP is the address of its pt_regs
 * plus 1 (ENCODE_FRAME_POINTER, arch/x86/include/asm/frame.h).
 */
import type { Cursor, Step } from './cursor.ts';
import type { Registers } from './frame.ts';
import type { Words } from './words.ts';
import { decodeX86Registers, isX86UserMode, X86_REGISTERS_BYTES } from './x86-registers.ts';

const WORD_BYTES = 8n;
/** A record: RBP, and the return address above it. */
const RECORD_BYTES = 16n;
const IS_REGISTERS = 1n;
/** pt_regs, and what FRED (Linux v6.9) keeps above it. */
const TOP_BYTES = 256n;

export interface X86FrameMachine {
  readonly words: Words;
  /** THREAD_SIZE, to which stacks are aligned. */
  readonly stackBytes: number;
}

/** @param cursor whose `bp` is not known begins behind a call: the callee saved it below the return address. */
export function x86FramePointerStep(machine: X86FrameMachine, { sp, bp, isExact }: Cursor): Step {
  const record = bp ?? (isExact ? undefined : savedBelow(machine, sp));
  if (record === undefined) return { to: 'nowhere', why: 'its frame pointer is not known' };
  if (record === 0n) return beginning(machine, sp);
  if ((record & IS_REGISTERS) !== 0n) return entered(machine, record - IS_REGISTERS);
  if (record % WORD_BYTES !== 0n)
    return { to: 'nowhere', why: `its frame pointer 0x${record.toString(16)} is not aligned` };
  const caller = machine.words.u64(record, 'a frame record');
  const ip = machine.words.u64(record + WORD_BYTES, 'a return address');
  const cursor = { ip, sp: record + RECORD_BYTES, bp: caller, isExact: false };
  return { to: 'call', cursor, slot: record + WORD_BYTES, isGuess: false };
}

/** Undefined where it cannot be a frame pointer of the same stack. */
function savedBelow({ words, stackBytes }: X86FrameMachine, sp: bigint): bigint | undefined {
  const saved = words.peek(sp - RECORD_BYTES);
  if (saved === undefined) return undefined;
  const isAbove = (saved & ~IS_REGISTERS) >= sp && saved < sp + BigInt(stackBytes);
  return isAbove ? saved : undefined;
}

/** A system call clears RBP (PUSH_AND_CLEAR_REGS), as the code that starts a CPU does: then this is the top of a stack. */
function beginning({ words, stackBytes }: X86FrameMachine, sp: bigint): Step {
  const above = BigInt(stackBytes) - (sp % BigInt(stackBytes));
  if (above > TOP_BYTES) return { to: 'nowhere', why: 'its frame pointer is 0 in the middle of a stack' };
  if (above < X86_REGISTERS_BYTES) return { to: 'end' };
  const registers = decodeX86Registers(words.view(sp, X86_REGISTERS_BYTES, 'saved registers'));
  return isX86UserMode(registers) ? { to: 'user', registers } : { to: 'end' };
}

function entered({ words }: X86FrameMachine, at: bigint): Step {
  const registers = decodeX86Registers(words.view(at, X86_REGISTERS_BYTES, 'saved registers'));
  if (isX86UserMode(registers)) return { to: 'user', registers };
  const { ip, sp, bp } = registers as Registers & { ip: bigint; sp: bigint; bp: bigint };
  // A kernel thread has an empty pt_regs at the beginning of its stack.
  if (ip === 0n) return { to: 'end' };
  return { to: 'exception', registers, cursor: { ip, sp, bp, registers, isExact: true } };
}

/** push %rbp; mov %rsp,%rbp. Behind them at most endbr64 and the five bytes of a call to the function tracer. */
const PROLOGUE = Buffer.from([0x55, 0x48, 0x89, 0xe5]);
const LATEST_PROLOGUE = 16;

/** Whether the function at this address sets up a frame pointer, as all of such a kernel do. */
export function hasFramePointer(words: Words, functionStart: bigint): boolean {
  const code = words.view(functionStart, LATEST_PROLOGUE, 'code');
  return Buffer.from(code.buffer, code.byteOffset, code.byteLength).includes(PROLOGUE);
}
