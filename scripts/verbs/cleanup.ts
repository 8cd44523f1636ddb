/** `kdumpling cleanup`: deletes the dumps of this machine. */
import { counted } from '../../capture/errors.ts';
import { ask } from '../lib/cli/ask.ts';
import { type Command, EXIT, wholeNumber } from '../lib/cli/command.ts';
import { describeBytes } from '../lib/cli/sizes.ts';
import { readConfig } from '../lib/config/config.ts';
import { deleteDumps } from '../lib/dumps/delete.ts';
import { hostDumps } from '../lib/dumps/host-dumps.ts';
import { dumpLines } from '../lib/dumps/list-text.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';

const OPTIONS = {
  yes: { short: 'y', help: 'do not ask' },
  keep: { value: 'N', default: '0', help: 'keep the N newest' },
  ...ROOT_OPTION,
} as const;

export const cleanup: Command<typeof OPTIONS> = {
  name: 'kdumpling cleanup',
  purpose: 'Deletes the dumps, all of them or all but the newest.',
  options: OPTIONS,
  async run({ yes, keep, root }, signal) {
    const kept = wholeNumber('keep', keep, 0, 1e6);
    const host = openGivenHost(root);
    // What is deleted must not depend on a config that cannot be read.
    const { directory, dumps } = hostDumps(host, readConfig(host));
    const ours = dumps.filter(({ isOurs }) => isOurs);
    const doomed = ours.slice(0, Math.max(0, ours.length - kept));
    const others = dumps.length - ours.length;
    if (others > 0)
      console.log(
        `${directory}: ${counted(others, 'dump')} of another program ${others === 1 ? 'stays' : 'stay'}`,
      );
    if (doomed.length === 0) {
      console.log('nothing to delete');
      return EXIT.done;
    }
    const total = describeBytes(doomed.reduce((sum, { bytes }) => sum + bytes, 0));
    console.log(dumpLines(doomed).join('\n'));
    const question = `Delete ${counted(doomed.length, 'dump')} (${total}) for good? (yes/no)`;
    if (!yes && !(await ask(question, 'yes', { option: 'yes', signal }))) {
      console.log('nothing was deleted');
      return EXIT.failed;
    }
    const deleted = deleteDumps(host, doomed, line => console.log(line));
    console.log(`deleted ${counted(deleted, 'dump')}`);
    return deleted === doomed.length ? EXIT.done : EXIT.failed;
  },
};
