/** Frames of the unwinder in the autopsy's words. */
import type { Frame, Registers } from '../unwind/frame.ts';
import type { StackFrame } from './autopsy.ts';

/** Without what the compiler added to a function's name: `.cold`, `.isra.0`. */
export function functionName(symbol: string): string {
  return symbol.replace(/\.(cold|isra|constprop|part|llvm)\b.*$/, '');
}

/** Without the program that entered the kernel. */
export function stackFrames(frames: readonly Frame[]): StackFrame[] {
  let interrupted = false;
  return frames
    .filter(({ kind }) => kind !== 'user')
    .map(({ address, symbol, offset, sizeBytes, module, reliable, kind, stack }) => {
      interrupted ||= kind === 'exception';
      return {
        address: hex(address),
        ...(symbol !== undefined && { name: functionName(symbol) }),
        ...(offset !== undefined && { offset: hex(offset) }),
        ...(sizeBytes !== undefined && { size: hex(sizeBytes) }),
        ...(module !== undefined && { module }),
        ...(stack !== undefined && stack !== 'task' && { context: stack }),
        ...(interrupted && { interrupted }),
        ...(!reliable && { doubtful: true as const }),
      };
    });
}

/** As a kernel log of x86-64 names them; arm64's names are the same in both. */
const LOGGED: Readonly<Record<string, string>> = {
  ip: 'RIP',
  sp: 'RSP',
  flags: 'EFLAGS',
  orig_ax: 'ORIG_RAX',
  ...Object.fromEntries(
    ['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp'].map(name => [name, `R${name.toUpperCase()}`]),
  ),
  r8: 'R08',
  r9: 'R09',
  ...Object.fromEntries([10, 11, 12, 13, 14, 15].map(number => [`r${number}`, `R${number}`])),
};
/** Of x86-64: constants while the kernel runs. */
const SEGMENTS = ['cs', 'ss'];
const HEX_DIGITS = 16;

/** Name -> value, hexadecimal. */
export function loggedRegisters(registers: Registers): Record<string, string> {
  const known = Object.entries(registers).filter(([name]) => !SEGMENTS.includes(name));
  return Object.fromEntries(
    known.map(([name, value]) => [LOGGED[name] ?? name, value.toString(16).padStart(HEX_DIGITS, '0')]),
  );
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
