/** `kdumpling info`: what one dump is. */

import { Failure } from '../../capture/errors.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { findDump, NO_DUMPS, onlyArgument } from '../lib/dumps/find-dump.ts';
import { infoText } from '../lib/dumps/info-text.ts';
import { infoData } from '../lib/dumps/list-text.ts';
import { openHost } from '../lib/host/host.ts';

const OPTIONS = { json: { help: 'as JSON, with the manifest as it is' } } as const;

export const info: Command<typeof OPTIONS> = {
  name: 'kdumpling info',
  purpose: 'Shows what a dump (by default the last one) is: when, why, which kernel, what is in it.',
  positionals: ['[ID|DIRECTORY|FILE]'],
  options: OPTIONS,
  async run({ json, positionals }) {
    const given = onlyArgument('kdumpling info', positionals);
    try {
      const dump = findDump(openHost(), given);
      console.log(json ? JSON.stringify(infoData(dump), undefined, 2) : infoText(dump));
      return EXIT.done;
    } catch (error) {
      if (!json || !(error instanceof Failure) || error.code !== NO_DUMPS) throw error;
      console.log(JSON.stringify(infoData(undefined)));
      return EXIT.failed;
    }
  },
};
