/** `kdumpling cleanup`: deletes the dumps of this machine. */
import { rmSync } from 'node:fs';
import { ask } from '../lib/cli/ask.ts';
import { type Command, EXIT, wholeNumber } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { describeBytes } from '../lib/cli/sizes.ts';
import { hostDumps } from '../lib/dumps/host-dumps.ts';
import { openHost } from '../lib/host/host.ts';
import { dumpLine } from '../lib/status/text.ts';

const OPTIONS = {
  yes: { short: 'y', help: 'do not ask' },
  keep: { value: 'N', default: '0', help: 'keep the N newest' },
} as const;

export const cleanup: Command<typeof OPTIONS> = {
  name: 'kdumpling cleanup',
  purpose: 'Deletes the dumps, all of them or all but the newest.',
  options: OPTIONS,
  async run({ yes, keep }, signal) {
    const kept = wholeNumber('keep', keep, 0, 1e6);
    requireRoot('delete dumps');
    const host = openHost();
    const { directory, dumps } = hostDumps(host);
    const ours = dumps.filter(({ isOurs }) => isOurs);
    const doomed = ours.slice(0, Math.max(0, ours.length - kept));
    const others = dumps.length - ours.length;
    if (others > 0) console.log(`${directory}: ${others} of another program, left alone`);
    if (doomed.length === 0) {
      console.log('nothing to delete');
      return EXIT.done;
    }
    const total = describeBytes(doomed.reduce((sum, { bytes }) => sum + bytes, 0));
    for (const dump of doomed) console.log(dumpLine(dump));
    const question = `Delete these ${doomed.length}, ${total}, for good? (yes/no)`;
    if (!yes && !(await ask(question, 'yes', { option: 'yes', signal }))) {
      console.log('nothing was deleted');
      return EXIT.failed;
    }
    for (const { directory: path } of doomed) rmSync(host.path(path), { recursive: true });
    console.log(`deleted ${doomed.length} dumps, ${total}`);
    return EXIT.done;
  },
};
