/** `kdumpling info ID`: what one dump is. */
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { theDump } from '../lib/dumps/host-dumps.ts';
import { infoText } from '../lib/dumps/info-text.ts';
import { openHost } from '../lib/host/host.ts';

const OPTIONS = { json: { help: 'its manifest, as it is' } } as const;

export const info: Command<typeof OPTIONS> = {
  name: 'kdumpling info',
  purpose: 'Says what one dump is: when, why, which kernel, what is in it.',
  positionals: ['ID'],
  options: OPTIONS,
  async run({ json, positionals }) {
    requireRoot('read a dump');
    const dump = theDump(openHost(), positionals);
    console.log(json ? JSON.stringify(dump, undefined, 2) : infoText(dump));
    return EXIT.done;
  },
};
