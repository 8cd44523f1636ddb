/** Frames of the unwinder in the autopsy's words. */
import { hex } from '../hex.ts';
import type { Frame, Registers } from '../unwind/frame.ts';
import type { StackFrame } from './autopsy.ts';

/** Without what the compiler added to a function's name: `.cold`, `.isra.0`. */
export function functionName(symbol: string): string {
  return symbol.replace(/\.(cold|isra|constprop|part|llvm)\b.*$/, '');
}

/** Without the program that entered the kernel. */
export function stackFrames(frames: readonly Frame[]): StackFrame[] {
  return frames
    .filter(({ kind }) => kind !== 'user')
    .map(({ address, symbol, offset, sizeBytes, module, reliable, kind, stack }, i) => ({
      address: hex(address),
      ...(symbol !== undefined && { name: functionName(symbol) }),
      ...(offset !== undefined && { offset: hex(offset) }),
      ...(sizeBytes !== undefined && { size: hex(sizeBytes) }),
      ...(module !== undefined && { module }),
      ...(stack !== undefined && stack !== 'task' && { context: stack }),
      // The first frame of a CPU is where it was stopped.
      ...(kind === 'exception' && i > 0 && { interrupted: true }),
      ...(!reliable && { doubtful: true as const }),
    }));
}

const PANIC = /^v?panic$/;

/**
 * The frames that led to the crash, each marked when it or one before it was interrupted. What panic() itself ran into, in its
 * notifiers, is not the cause.
 */
export function framesOfCause(frames: readonly StackFrame[]): StackFrame[] {
  const panicked = frames.findLastIndex(
    ({ name, doubtful }) => name !== undefined && PANIC.test(name) && !doubtful,
  );
  let interrupted = false;
  return frames.slice(Math.max(0, panicked)).map((frame, i) => {
    interrupted ||= i > 0 && frame.interrupted === true;
    return { ...frame, interrupted };
  });
}

/** As a kernel log names them, in its order. __show_regs() in arch/x86/kernel/process_64.c */
const LOGGED_X86: Readonly<Record<string, string>> = {
  ip: 'RIP',
  sp: 'RSP',
  flags: 'EFLAGS',
  ...Object.fromEntries(
    ['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp'].map(name => [name, `R${name.toUpperCase()}`]),
  ),
  r8: 'R08',
  r9: 'R09',
  ...Object.fromEntries([10, 11, 12, 13, 14, 15].map(number => [`r${number}`, `R${number}`])),
  orig_ax: 'ORIG_RAX',
};
/** __show_regs() in arch/arm64/kernel/process.c */
const LOGGED_ARM64: Readonly<Record<string, string>> = {
  pc: 'pc',
  x30: 'lr',
  sp: 'sp',
  ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x${29 - i}`, `x${29 - i}`])),
  pstate: 'pstate',
};
/** Of x86-64: constants while the kernel runs. */
const SEGMENTS = ['cs', 'ss'];
const HEX_DIGITS = 16;

/** Name -> value, hexadecimal. */
export function loggedRegisters(registers: Registers): Record<string, string> {
  const logged = registers.pc === undefined ? LOGGED_X86 : LOGGED_ARM64;
  const names = new Set([...Object.keys(logged), ...Object.keys(registers)]);
  return Object.fromEntries(
    [...names].flatMap(name => {
      const value = registers[name];
      if (value === undefined || SEGMENTS.includes(name)) return [];
      return [[logged[name] ?? name, value.toString(16).padStart(HEX_DIGITS, '0')]];
    }),
  );
}
