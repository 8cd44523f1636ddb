/** What users type for a place in the crashed kernel's memory, and how such places are printed. */
import type { DeadKernel, SymbolAt } from '../../../capture/autopsy/kernel.ts';
import { UsageError } from '../cli/command.ts';

/** `schedule+0x19`, `virtblk_done [virtio_blk]` */
export function placeName({ name, offset, module }: SymbolAt): string {
  const within = offset === 0 ? name : `${name}+0x${offset.toString(16)}`;
  return module === undefined ? within : `${within} [${module}]`;
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
