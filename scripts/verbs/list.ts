/** `kdumpling list`: the dumps of this machine, newest last. */
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { hostDumps } from '../lib/dumps/host-dumps.ts';
import { dumpData, dumpLines } from '../lib/dumps/list-text.ts';
import { openHost } from '../lib/host/host.ts';

const OPTIONS = { json: { help: 'say it as JSON' } } as const;

export const list: Command<typeof OPTIONS> = {
  name: 'kdumpling list',
  purpose: 'Lists the dumps of this machine, newest last.',
  options: OPTIONS,
  async run({ json }) {
    requireRoot('list dumps');
    const { directory, dumps } = hostDumps(openHost());
    if (json) console.log(JSON.stringify(dumps.map(dumpData), undefined, 2));
    else if (dumps.length === 0) console.log(`there are no dumps in ${directory}`);
    else console.log(dumpLines(dumps).join('\n'));
    return EXIT.done;
  },
};
