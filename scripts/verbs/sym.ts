/** `kdumpling sym`: the symbol at an address of the crashed kernel, or the address of a symbol. */

import { addressDigits } from '../../capture/autopsy/hex.ts';
import type { DeadKernel, SymbolAt } from '../../capture/autopsy/kernel.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsyOf } from '../lib/autopsy/open.ts';
import { parsePlace, placeName } from '../lib/autopsy/words.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';

const OPTIONS = { ...AUTOPSY_OPTIONS } as const;

export const sym: Command<typeof OPTIONS> = {
  name: 'kdumpling sym',
  purpose: 'Translates symbols of the crashed kernel to addresses, and addresses to symbols.',
  positionals: [DUMP_ARGUMENT, 'ADDRESS|NAME…'],
  options: OPTIONS,
  run: given =>
    withAutopsyOf(given, ({ kernel, header, words }) => {
      if (words.length === 0) {
        throw new UsageError('USAGE', {
          action: 'run kdumpling sym',
          actual: 'no symbol is given',
          wanted: 'an address or the name of a symbol',
        });
      }
      const symbols = words.flatMap(word => found(kernel, word));
      if (given.json) console.log(JSON.stringify({ ...header(), symbols: symbols.map(data) }, undefined, 2));
      else for (const symbol of symbols) console.log(line(symbol));
      return EXIT.done;
    }),
};

/** A name may have several. @throws UsageError for what is in no symbol. */
function found(kernel: DeadKernel, word: string): SymbolAt[] {
  const named = kernel.symbols.all(word);
  if (named.length > 0) {
    return named.map(symbol => {
      const { sizeBytes } = kernel.symbols.at(symbol.address) ?? {};
      return { ...symbol, offset: 0, ...(sizeBytes !== undefined && { sizeBytes }) };
    });
  }
  const symbol = kernel.symbols.at(parsePlace(kernel, word));
  if (symbol) return [symbol];
  throw new UsageError('NO_SYMBOL', {
    action: `find the symbol at ${word}`,
    actual: 'that address is outside of the kernel and of its modules',
    wanted: 'one within them',
  });
}

/** As crash prints it. */
function line(symbol: SymbolAt): string {
  return `${addressDigits(symbol.address + BigInt(symbol.offset))} (${symbol.type}) ${placeName(symbol)}`;
}

function data({ name, address, offset, sizeBytes, type, module }: SymbolAt) {
  return {
    name,
    type,
    address: addressDigits(address),
    offset,
    ...(sizeBytes !== undefined && { bytes: sizeBytes }),
    ...(module !== undefined && { module }),
  };
}
