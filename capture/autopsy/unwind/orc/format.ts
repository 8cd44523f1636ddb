/**
 * What the fields of `struct orc_entry` mean (arch/x86/include/asm/orc_types.h). The numbers of registers and types are not
 * in BTF, and they have changed. Since Linux commit b9f174c811e3 ("x86/unwind/orc: Add ELF section with ORC version
 * identifier"), v6.4, the kernel holds a SHA-1 of their definitions (scripts/orc_hash.sh), which tells the formats apart.
 */
import { AutopsyError } from '../../../errors.ts';
import type { DeadKernel } from '../../kernel.ts';

export const ORC_ENTRY_BYTES = 6;

/** `undefined`: there is none. `previous-sp`: the stack pointer of the caller before the call. */
export type OrcRegister =
  | 'undefined'
  | 'previous-sp'
  | 'ax'
  | 'dx'
  | 'di'
  | 'bp'
  | 'sp'
  | 'r10'
  | 'r13'
  | 'bp-indirect'
  | 'sp-indirect'
  | 'unknown';

/**
 * - `undefined`: nothing is known about the code. `end`: it has no caller.
 * - `call`: the caller's stack pointer is found, its return address below.
 * - `regs`: a struct pt_regs is found. `partial`: only the part of it that the CPU itself pushes.
 */
export type OrcType = 'undefined' | 'end' | 'call' | 'regs' | 'partial' | 'unknown';

export interface OrcEntry {
  readonly type: OrcType;
  readonly spRegister: OrcRegister;
  readonly spOffset: number;
  readonly bpRegister: OrcRegister;
  readonly bpOffset: number;
  /** The caller was interrupted here and did not call: its address is not that behind a call. */
  readonly isSignal: boolean;
}

export interface OrcFormat {
  decode(entry: DataView): OrcEntry;
}

/** By register number. */
const CLASSIC: readonly OrcRegister[] = [
  'undefined',
  'previous-sp',
  'dx',
  'di',
  'bp',
  'sp',
  'r10',
  'r13',
  'bp-indirect',
  'sp-indirect',
];
const CLASSIC_WITH_AX: readonly OrcRegister[] = [...CLASSIC, 'ax'];
/** In the processor's own order. */
const RENUMBERED: readonly OrcRegister[] = [
  'undefined',
  'ax',
  'dx',
  'sp',
  'bp',
  'di',
  'r10',
  'r13',
  'previous-sp',
  'sp-indirect',
  'bp-indirect',
];

const TYPES: readonly OrcType[] = ['undefined', 'end', 'call', 'regs', 'partial'];
/** What is undefined, and what has no caller, is said in other fields: `sp_reg` and `end`. */
const OLD_TYPES: readonly OrcType[] = ['call', 'regs', 'partial'];

/** By the kernel's `orc_header`. */
const REGISTERS_BY_ID: Readonly<Record<string, readonly OrcRegister[] | undefined>> = {
  // v6.4
  fe5d32bf581bd63b2ca9a5c65ba5a625eab3fe24: CLASSIC,
  // RAX as the base of a realigned stack, which newer Clang uses
  edfa4d15552fdd2e1d56679728416379f2fe4534: CLASSIC_WITH_AX,
  // v7.2
  '137c36ad7627c4dd55932176bb0ecdbd5041fc82': RENUMBERED,
};
const ID_BYTES = 20;

/** @throws AutopsyError ORC_FORMAT for a kernel whose `orc_header` is none of those above; KernelError when it cannot be read. */
export function orcFormat({
  symbols,
  memory,
  types,
}: Pick<DeadKernel, 'symbols' | 'memory' | 'types'>): OrcFormat {
  const header = symbols.address('orc_header');
  // Linux commit ffb1b4a41016 ("x86/unwind/orc: Add 'signal' field to ORC metadata"), v6.3, moved `end` by a bit.
  if (header === undefined) return oldFormat(types.has('orc_entry.signal'));
  const id = Buffer.from(memory.readVirtual(header, ID_BYTES, 'orc_header')).toString('hex');
  const registers = REGISTERS_BY_ID[id];
  if (registers) return format(registers);
  throw new AutopsyError('ORC_FORMAT', {
    action: 'read the unwinding tables',
    actual: `their format (orc_header) is ${id}`,
    wanted: `one of ${Object.keys(REGISTERS_BY_ID).join(', ')}`,
  });
}

function format(registers: readonly OrcRegister[]): OrcFormat {
  return {
    decode: entry => {
      const bits = entry.getUint16(4, true);
      const type = TYPES[(bits >>> 8) & 7] ?? 'unknown';
      return { ...bases(entry, bits, registers), type, isSignal: ((bits >>> 11) & 1) !== 0 };
    },
  };
}

/** Up to v6.3. */
function oldFormat(hasSignal: boolean): OrcFormat {
  return {
    decode: entry => {
      const bits = entry.getUint16(4, true);
      const found = bases(entry, bits, CLASSIC);
      const isEnd = ((bits >>> (hasSignal ? 11 : 10)) & 1) !== 0;
      const rule = OLD_TYPES[(bits >>> 8) & 3] ?? 'unknown';
      const type = found.spRegister !== 'undefined' ? rule : isEnd ? 'end' : 'undefined';
      return { ...found, type, isSignal: hasSignal && ((bits >>> 10) & 1) !== 0 };
    },
  };
}

function bases(entry: DataView, bits: number, registers: readonly OrcRegister[]) {
  return {
    spOffset: entry.getInt16(0, true),
    bpOffset: entry.getInt16(2, true),
    spRegister: registers[bits & 15] ?? 'unknown',
    bpRegister: registers[(bits >>> 4) & 15] ?? 'unknown',
  } as const;
}
