/** `kdumpling mod`: the modules of the crashed kernel. */
import { readModuleList } from '../../capture/autopsy/module-list.ts';
import { modData, modLines } from '../lib/autopsy/mod.ts';
import { chooseNamed } from '../lib/autopsy/named.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsyOf } from '../lib/autopsy/open.ts';
import { printAnswer } from '../lib/autopsy/print.ts';
import type { Command } from '../lib/cli/command.ts';

const OPTIONS = { ...AUTOPSY_OPTIONS } as const;

export const mod: Command<typeof OPTIONS> = {
  name: 'kdumpling mod',
  purpose: 'Lists the modules of the crashed kernel, or those named: address, size, users.',
  positionals: [DUMP_ARGUMENT, '[NAME|ADDRESS]…'],
  options: OPTIONS,
  run: given =>
    withAutopsyOf(given, autopsy => {
      const { found, problems } = readModuleList(autopsy.kernel);
      const shown = chooseNamed(found, autopsy.words, { what: 'module', listedBy: 'kdumpling mod' });
      return printAnswer(autopsy, given, {
        problems,
        data: () => modData(shown),
        lines: () => modLines(shown),
      });
    }),
};
