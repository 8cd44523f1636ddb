/**
 * `struct pt_regs` of x86-64 (arch/x86/include/asm/ptrace.h). Its order is that of the entry code's pushes, that of
 * `pr_reg` in the ELF notes too, and has never changed.
 */
import type { Registers } from './frame.ts';

const PUSHED_BY_SOFTWARE = [
  'r15',
  'r14',
  'r13',
  'r12',
  'bp',
  'bx',
  'r11',
  'r10',
  'r9',
  'r8',
  'ax',
  'cx',
  'dx',
  'si',
  'di',
  'orig_ax',
];
const PUSHED_BY_THE_CPU = ['ip', 'cs', 'flags', 'sp', 'ss'];
const NAMES = [...PUSHED_BY_SOFTWARE, ...PUSHED_BY_THE_CPU];

export const X86_REGISTERS_BYTES = 8 * NAMES.length;
export const X86_IRET_BYTES = 8 * PUSHED_BY_THE_CPU.length;

/** @param bytes at least X86_REGISTERS_BYTES of them. */
export function decodeX86Registers(bytes: DataView): Registers {
  return decode(bytes, NAMES);
}

/** The last part of a pt_regs. @param bytes at least X86_IRET_BYTES of them. */
export function decodeX86Iret(bytes: DataView): Registers {
  return decode(bytes, PUSHED_BY_THE_CPU);
}

/** Bits 0 and 1 of CS are the privilege level; with FRED (Linux v6.9) the upper half has other things. */
export function isX86UserMode({ cs }: Registers): boolean {
  return cs !== undefined && (cs & 3n) === 3n;
}

function decode(bytes: DataView, names: readonly string[]): Registers {
  return Object.fromEntries(names.map((name, index) => [name, bytes.getBigUint64(8 * index, true)]));
}
