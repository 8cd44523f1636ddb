/** The symbols of vmlinux: from kallsyms, or, where that cannot be read, those that vmcoreinfo exports. */
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import type { KernelSymbol, SymbolAt } from '../kernel.ts';
import { remembering } from '../remember.ts';
import type { Kallsyms } from './kallsyms.ts';

export interface ImageSymbols {
  all(name: string): KernelSymbol[];
  at(address: bigint): SymbolAt | undefined;
  isText(address: bigint): boolean;
}

/** Code, by the symbols at its ends; that of init is freed memory after the boot, but return addresses may be in it. */
const TEXT: readonly (readonly [string, string])[] = [
  ['_stext', '_etext'],
  ['_sinittext', '_einittext'],
];
/** After the last symbol, when kallsyms does not have the image's end. */
const AFTER_LAST_BYTES = 1n << 16n;
/** The stacks of most tasks have the same return addresses. */
const MOST_KNOWN = 1 << 12;

export function kallsymsImage(kallsyms: Kallsyms): ImageSymbols {
  const first = (name: string): bigint | undefined => {
    const number = kallsyms.numbers(name).next().value;
    return number === undefined ? undefined : kallsyms.address(number);
  };
  const texts = TEXT.flatMap(([from, to]) => {
    const [start, end] = [first(from), first(to)];
    return start === undefined || end === undefined ? [] : [{ start, end }];
  });
  const start = first('_text') ?? first('_stext') ?? 0n;
  const end = first('_end');
  const find = remembering(MOST_KNOWN, (wanted: bigint): SymbolAt | undefined => {
    const found = kallsyms.at(wanted);
    if (!found) return undefined;
    const address = kallsyms.address(found.number);
    const next = found.next ?? end;
    if (address < start || (next === undefined && wanted >= address + AFTER_LAST_BYTES)) return undefined;
    return {
      name: kallsyms.name(found.number),
      address,
      type: kallsyms.type(found.number),
      offset: Number(wanted - address),
      ...(next !== undefined && { sizeBytes: Number(next - address) }),
    };
  });
  return {
    all: name =>
      [...kallsyms.numbers(name)].map(number => ({
        name,
        address: kallsyms.address(number),
        type: kallsyms.type(number),
      })),
    at: wanted => (wanted < start || (end !== undefined && wanted >= end) ? undefined : find(wanted)),
    isText: address => address >= start && texts.some(text => address >= text.start && address < text.end),
  };
}

/** Names without an address can be asked for, addresses cannot. */
export function exportedImage(vmcoreinfo: Vmcoreinfo): ImageSymbols {
  return {
    all(name) {
      const address = vmcoreinfo.symbol(name);
      return address === undefined ? [] : [{ name, address, type: '?' }];
    },
    at: () => undefined,
    isText: () => false,
  };
}
