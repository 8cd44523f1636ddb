/**
 * From a frame to its caller by ORC: what arch/x86/kernel/unwind_orc.c does while the kernel runs, on its memory after
 * death. Rules: Documentation/arch/x86/orc-unwinder.rst.
 */
import type { Cursor, Step } from '../cursor.ts';
import type { Registers } from '../frame.ts';
import type { Words } from '../words.ts';
import {
  decodeX86Iret,
  decodeX86Registers,
  isX86UserMode,
  X86_IRET_BYTES,
  X86_REGISTERS_BYTES,
} from '../x86-registers.ts';
import type { OrcEntry } from './format.ts';

export interface OrcMachine {
  readonly words: Words;
  /** Undefined where the tables have nothing to say. @throws KernelError when they cannot be read. */
  rule(address: bigint): OrcEntry | undefined;
  /** Whether code of the kernel or of a module is there. */
  isText(address: bigint): boolean;
}

/** The caller's stack pointer is above the return address. */
const RETURN_ADDRESS: OrcEntry = {
  type: 'call',
  spRegister: 'sp',
  spOffset: 8,
  bpRegister: 'undefined',
  bpOffset: 0,
  isSignal: false,
};
/** Code made while the kernel ran (BPF, ftrace's trampolines) has no rules, but it has frame pointers. */
const FRAME_POINTER: OrcEntry = {
  type: 'call',
  spRegister: 'bp',
  spOffset: 16,
  bpRegister: 'previous-sp',
  bpOffset: -16,
  isSignal: false,
};

/** @throws KernelError when the stack or the tables cannot be read. */
export function orcStep(machine: OrcMachine, cursor: Cursor): Step {
  const { ip, isExact } = cursor;
  const rule = machine.rule(isExact ? ip : ip - 1n);
  if (rule?.type === 'end') return { to: 'end' };
  if (rule && rule.type !== 'undefined') return follow(machine.words, cursor, rule, false);
  if (rule || machine.isText(isExact ? ip : ip - 1n))
    return nowhere('the unwinding table has no rule for its code');
  if (isExact && jumpedAstray(machine, cursor)) return follow(machine.words, cursor, RETURN_ADDRESS, true);
  return follow(machine.words, cursor, FRAME_POINTER, true);
}

/** After a call through a wild pointer, NULL most often, the return address is still on top of the stack. */
function jumpedAstray({ words, isText }: OrcMachine, { sp }: Cursor): boolean {
  return isText(words.u64(sp, 'the stack'));
}

function follow(words: Words, cursor: Cursor, rule: OrcEntry, isGuess: boolean): Step {
  if (rule.type === 'unknown')
    return nowhere('the unwinding table has a rule of an unknown type for its code');
  const base = stackBase(words, cursor, rule);
  if (typeof base === 'string')
    return nowhere(`its caller is found by the register ${base}, whose value is not known here`);
  switch (rule.type) {
    case 'regs':
      return interrupted(
        decodeX86Registers(words.view(base, X86_REGISTERS_BYTES, 'saved registers')),
        cursor,
      );
    case 'partial':
      return interrupted(decodeX86Iret(words.view(base, X86_IRET_BYTES, 'saved registers')), cursor);
    default: {
      const slot = base - 8n;
      const ip = words.u64(slot, 'a return address');
      const bp = callersBp(words, cursor, rule, base);
      return { to: 'call', slot, isGuess, cursor: { ip, sp: base, bp, isExact: rule.isSignal } };
    }
  }
}

/** The caller's stack pointer or the address of saved registers; else the name of the register whose value is not known. */
function stackBase(words: Words, cursor: Cursor, { spRegister, spOffset }: OrcEntry): bigint | string {
  const offset = BigInt(spOffset);
  const at = (address: bigint) => BigInt.asUintN(64, address);
  switch (spRegister) {
    case 'sp':
      return at(cursor.sp + offset);
    case 'sp-indirect':
      return at(words.u64(cursor.sp, 'the stack') + offset);
    case 'bp':
      return cursor.bp === undefined ? 'BP' : at(cursor.bp + offset);
    case 'bp-indirect':
      return cursor.bp === undefined ? 'BP' : words.u64(at(cursor.bp + offset), 'the stack');
    default:
      return cursor.registers?.[spRegister] ?? spRegister.toUpperCase();
  }
}

function callersBp(words: Words, { bp }: Cursor, rule: OrcEntry, base: bigint): bigint | undefined {
  const at = (address: bigint) =>
    words.u64(BigInt.asUintN(64, address + BigInt(rule.bpOffset)), 'a saved RBP');
  switch (rule.bpRegister) {
    case 'previous-sp':
      return at(base);
    case 'bp':
      return bp === undefined ? undefined : at(bp);
    case 'undefined':
      return bp;
    default:
      return undefined;
  }
}

/** Of saved registers only those that the CPU pushed may be there: the others then are as they were. */
function interrupted(saved: Registers, { bp, registers }: Cursor): Step {
  const { ip, sp } = saved as { ip: bigint; sp: bigint };
  if (isX86UserMode(saved)) return { to: 'user', registers: saved };
  // A kernel thread has an empty pt_regs at the beginning of its stack.
  if (ip === 0n && saved.cs === 0n) return { to: 'end' };
  const all = 'bp' in saved ? saved : registers && { ...registers, ...saved };
  return {
    to: 'exception',
    registers: saved,
    cursor: { ip, sp, bp: all?.bp ?? bp, registers: all, isExact: true },
  };
}

function nowhere(why: string): Step {
  return { to: 'nowhere', why };
}
