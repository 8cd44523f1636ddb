/** `struct user_pt_regs` of arm64 (arch/arm64/include/uapi/asm/ptrace.h): the beginning of its pt_regs, and of its ELF notes. */
import type { Registers } from './frame.ts';

const NAMES = [...Array.from({ length: 31 }, (_, index) => `x${index}`), 'sp', 'pc', 'pstate'];

export const ARM64_REGISTERS_BYTES = 8 * NAMES.length;

/** @param bytes at least ARM64_REGISTERS_BYTES of them. */
export function decodeArm64Registers(bytes: DataView): Registers {
  return Object.fromEntries(NAMES.map((name, index) => [name, bytes.getBigUint64(8 * index, true)]));
}

/** Bits 0 to 3 of PSTATE are the exception level and its stack; those of EL0 are 0. */
export function isArm64UserMode({ pstate }: Registers): boolean {
  return pstate !== undefined && (pstate & 0xfn) === 0n;
}
