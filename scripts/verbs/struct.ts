/** `kdumpling struct`: a type of the crashed kernel, and what is in memory where one is. */
import { printable } from '../../capture/text.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsyOf } from '../lib/autopsy/open.ts';
import { showStruct, structData, structLines } from '../lib/autopsy/struct.ts';
import { parseValuePlace } from '../lib/autopsy/words.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';

const OPTIONS = {
  hex: { short: 'x', help: 'numbers in hexadecimal' },
  offsets: { short: 'o', help: 'no effect: offsets are always shown' },
  ...AUTOPSY_OPTIONS,
} as const;

export const struct: Command<typeof OPTIONS> = {
  name: 'kdumpling struct',
  purpose: 'Shows the members of a type of the crashed kernel, with their values at an address.',
  positionals: [DUMP_ARGUMENT, 'NAME[.MEMBER[,MEMBER]…]', '[ADDRESS|SYMBOL[:CPU]]'],
  options: OPTIONS,
  run: given =>
    withAutopsyOf(given, ({ kernel, header, words }) => {
      const [name, place, ...more] = words;
      if (name === undefined || more.length > 0) {
        throw new UsageError('USAGE', {
          action: 'run kdumpling struct',
          actual:
            name === undefined ? 'no type is given' : `it has ${words.length} arguments beside the dump`,
          wanted: 'the name of a type, and an address at most',
        });
      }
      const address = place === undefined ? undefined : parseValuePlace(kernel, place);
      const shown = showStruct(kernel, name, address, given.hex ? 16 : 10);
      if (given.json) console.log(JSON.stringify({ ...header(), ...structData(shown) }, undefined, 2));
      else for (const line of structLines(shown)) console.log(printable(line));
      return EXIT.done;
    }),
};
