/** What users type for a place in the crashed kernel's memory, and how such places are printed. */
import type { DeadKernel, SymbolAt } from '../../../capture/autopsy/kernel.ts';
import { UsageError } from '../cli/command.ts';

/** `schedule+0x19`, `virtblk_done [virtio_blk]` */
export function placeName({ name, offset, module }: SymbolAt): string {
  const within = offset === 0 ? name : `${name}+0x${offset.toString(16)}`;
  return module === undefined ? within : `${within} [${module}]`;
}

/** Per-CPU variables are between these. */
const PER_CPU_BOUNDS = ['__per_cpu_start', '__per_cpu_end'] as const;

const OF_CPU = /^(.+):([0-9]{1,6})$/;

/**
 * A place where there are values: as `parsePlace`, and `runqueues:1` for the one that CPU 1 has of a per-CPU variable.
 * @throws UsageError; AutopsyError for a CPU that was not there
 */
export function parseValuePlace(kernel: Pick<DeadKernel, 'symbols' | 'perCpu'>, text: string): bigint {
  const [, variable, cpu] = OF_CPU.exec(text) ?? [];
  if (variable !== undefined) return kernel.perCpu.address(parsePlace(kernel, variable), Number(cpu));
  const place = parsePlace(kernel, text);
  const [start, end] = PER_CPU_BOUNDS.map(name => kernel.symbols.address(name));
  if (start === undefined || end === undefined || place < start || place >= end) return place;
  throw new UsageError('PER_CPU', {
    action: `show what is at ${text}`,
    actual: 'it is a per-CPU variable',
    wanted: `the one of a CPU: ${text}:0`,
  });
}

const HEX = /^(0x)?[0-9a-f]{1,16}$/i;
const SYMBOL = /^([^+]+?)(?:\+(0x[0-9a-f]{1,16}|[0-9]{1,20}))?$/i;

/**
 * An address in hexadecimal, or a symbol with or without an offset: `ffffffff81000000`, `init_task`, `schedule+0x19`. A word
 * that may be either is a symbol where the kernel has it.
 * @throws UsageError
 */
export function parsePlace({ symbols }: Pick<DeadKernel, 'symbols'>, text: string): bigint {
  const [, name = '', offset = '0'] = SYMBOL.exec(text) ?? [];
  const base = name === '' ? undefined : symbols.address(name);
  if (base !== undefined) return BigInt.asUintN(64, base + BigInt(offset));
  if (HEX.test(text)) return BigInt(`0x${text.replace(/^0x/i, '')}`);
  throw new UsageError('NO_PLACE', {
    action: `find ${text}`,
    actual: 'the crashed kernel has no symbol of that name',
    wanted: 'a symbol or an address in hexadecimal',
  });
}
