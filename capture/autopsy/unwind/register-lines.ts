/** Saved registers in the lines of crash. */
import type { Registers } from './frame.ts';

/** In crash's name and order; the digits that it shows of it. */
interface Cell {
  readonly label: string;
  readonly name: string;
  readonly digits: number;
}

const X86: readonly (readonly Cell[])[] = [
  [cell('RIP', 'ip'), cell('RSP', 'sp'), cell('RFLAGS', 'flags', 8)],
  [cell('RAX', 'ax'), cell('RBX', 'bx'), cell('RCX', 'cx')],
  [cell('RDX', 'dx'), cell('RSI', 'si'), cell('RDI', 'di')],
  [cell('RBP', 'bp'), cell(' R8', 'r8'), cell(' R9', 'r9')],
  [cell('R10', 'r10'), cell('R11', 'r11'), cell('R12', 'r12')],
  [cell('R13', 'r13'), cell('R14', 'r14'), cell('R15', 'r15')],
  // With FRED (Linux v6.9) the upper bits of the two are not of the selector.
  [cell('ORIG_RAX', 'orig_ax'), cell('CS', 'cs', 4), cell('SS', 'ss', 4)],
];

/** x30 is the link register. */
const ARM64: readonly (readonly Cell[])[] = [
  [cell(' PC', 'pc'), cell(' LR', 'x30'), cell(' SP', 'sp')],
  ...Array.from({ length: 10 }, (_, row) =>
    [29 - 3 * row, 28 - 3 * row, 27 - 3 * row].map(number => cell(`X${number}`.padStart(3), `x${number}`)),
  ),
  [cell('PSTATE', 'pstate', 8)],
];

/** Those that were saved. */
export function registerLines(registers: Registers): string[] {
  const rows = registers.pc === undefined ? X86 : ARM64;
  return rows.flatMap(row => {
    const cells = row.flatMap(({ label, name, digits }) => {
      const value = registers[name];
      return value === undefined ? [] : [`${label}: ${hexOf(value, digits)}`];
    });
    return cells.length === 0 ? [] : [`    ${cells.join('  ')}`];
  });
}

function cell(label: string, name: string, digits = 16): Cell {
  return { label, name, digits };
}

function hexOf(value: bigint, digits: number): string {
  return BigInt.asUintN(4 * digits, value)
    .toString(16)
    .padStart(digits, '0');
}
