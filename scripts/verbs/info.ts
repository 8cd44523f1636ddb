/** `kdumpling info`: what one dump is. */

import { type Command, EXIT } from '../lib/cli/command.ts';
import { findDump, onlyArgument, orNone } from '../lib/dumps/find-dump.ts';
import { infoText } from '../lib/dumps/info-text.ts';
import { infoData } from '../lib/dumps/list-text.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';

const OPTIONS = {
  json: { help: 'as JSON, with the manifest as it is; see kdumpling-json(5)' },
  ...ROOT_OPTION,
} as const;

export const info: Command<typeof OPTIONS> = {
  name: 'kdumpling info',
  purpose: 'Shows what a dump (by default the last one) is: when, why, which kernel, what is in it.',
  positionals: ['[ID|DIRECTORY|FILE]'],
  options: OPTIONS,
  async run({ json, positionals, root }) {
    const find = () => findDump(openGivenHost(root), onlyArgument('kdumpling info', positionals));
    console.log(json ? JSON.stringify(infoData(orNone(find)), undefined, 2) : infoText(find()));
    return EXIT.done;
  },
};
