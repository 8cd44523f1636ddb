/** `kdumpling dmesg ID`: the crashed kernel's log. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { TargetError } from '../../capture/errors.ts';
import { incompleteName } from '../../capture/storage/place/place.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { theDump } from '../lib/dumps/host-dumps.ts';
import { openHost } from '../lib/host/host.ts';

const LOG = 'vmcore-dmesg.txt';

export const dmesg: Command<Record<never, never>> = {
  name: 'kdumpling dmesg',
  purpose: "Shows the crashed kernel's log of a dump.",
  positionals: ['ID'],
  options: {},
  async run({ positionals }) {
    requireRoot('read a dump');
    const host = openHost();
    const { id, directory } = theDump(host, positionals);
    const path = [LOG, incompleteName(LOG)].map(name => `${directory}/${name}`).find(host.exists);
    if (path === undefined) {
      throw new TargetError('NO_LOG', {
        action: `show the kernel log of ${id}`,
        actual: `there is no ${LOG} in ${directory}`,
        wanted: `its vmcore may have it: kdumpling dump --dump-dmesg ${directory}/vmcore OUT`,
      });
    }
    await pipeline(createReadStream(host.path(path)), process.stdout, { end: false });
    return EXIT.done;
  },
};
