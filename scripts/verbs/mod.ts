/** `kdumpling mod`: the modules of the crashed kernel. */
import { readModuleList } from '../../capture/autopsy/module-list.ts';
import { modData, modLines } from '../lib/autopsy/mod.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsy } from '../lib/autopsy/open.ts';
import { printAnswer } from '../lib/autopsy/print.ts';
import type { Command } from '../lib/cli/command.ts';

const OPTIONS = { ...AUTOPSY_OPTIONS } as const;

export const mod: Command<typeof OPTIONS> = {
  name: 'kdumpling mod',
  purpose: 'Lists the modules of the crashed kernel: where they are, how large, and what uses them.',
  positionals: [DUMP_ARGUMENT],
  options: OPTIONS,
  run: given =>
    withAutopsy(given, autopsy => {
      const { found, problems } = readModuleList(autopsy.kernel);
      return printAnswer(autopsy, given, {
        problems,
        data: () => modData(found),
        lines: () => modLines(found),
      });
    }),
};
