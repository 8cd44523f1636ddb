/** `kdumpling dmesg`: the crashed kernel's log. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { printable } from '../../capture/text.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { findDump, onlyArgument } from '../lib/dumps/find-dump.ts';
import { kernelLog } from '../lib/dumps/kernel-log.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';

const OPTIONS = { ...ROOT_OPTION } as const;

export const dmesg: Command<typeof OPTIONS> = {
  name: 'kdumpling dmesg',
  purpose: "Shows the crashed kernel's log of a dump (by default the last one).",
  positionals: ['[ID|DIRECTORY|FILE]'],
  options: OPTIONS,
  async run({ positionals, root }) {
    const host = openGivenHost(root);
    const log = kernelLog(host, findDump(host, onlyArgument('kdumpling dmesg', positionals)), {
      warn: text => console.error(printable(`warning: ${text}`)),
    });
    const shown = process.stdout.isTTY ? forTerminal(log) : log;
    await pipeline(Readable.from(shown), process.stdout, { end: false });
    return EXIT.done;
  },
};

/** In a file or a pipe the log is as it was written; a terminal must not obey it. */
function* forTerminal(pieces: Iterable<string>): Generator<string> {
  for (const piece of pieces) yield piece.replace(/[^\n\t]+/g, printable);
}
