/** `kdumpling list`: the dumps of this machine. */
import { printable } from '../../capture/text.ts';
import { type Command, EXIT, wholeNumber } from '../lib/cli/command.ts';
import { parseSince } from '../lib/cli/since.ts';
import { choose } from '../lib/dumps/choose.ts';
import { hostDumps } from '../lib/dumps/host-dumps.ts';
import { dumpLines, ignoredLines, listData } from '../lib/dumps/list-text.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';

const OPTIONS = {
  lines: { value: 'N', short: 'n', help: 'the newest N only' },
  since: { value: 'TIME', help: 'not before TIME: 2026-11-28, "2026-11-28 10:12", yesterday, 3d (days), 2h' },
  reverse: { short: 'r', help: 'newest first' },
  json: { help: 'as JSON; see kdumpling-json(5)' },
  ids: { help: 'only the IDs, one on each line' },
  ...ROOT_OPTION,
} as const;

export const list: Command<typeof OPTIONS> = {
  name: 'kdumpling list',
  purpose: 'Lists the dumps of this machine, newest last.',
  options: OPTIONS,
  async run({ json, ids, lines, since, reverse, root }) {
    const found = hostDumps(openGivenHost(root));
    const dumps = choose(found.dumps, {
      most: lines === undefined ? undefined : wholeNumber('lines', lines, 1, 1e6),
      since: since === undefined ? undefined : parseSince(since, new Date()),
      newestFirst: reverse,
    });
    if (ids) {
      for (const { id } of dumps) console.log(printable(id));
      return EXIT.done;
    }
    if (json) {
      console.log(JSON.stringify(listData({ dumps, ignored: found.ignored }), undefined, 2));
      return EXIT.done;
    }
    if (found.dumps.length === 0) console.log(printable(`There are no dumps in ${found.directory}.`));
    else if (dumps.length === 0) console.log(`None of ${found.dumps.length} dumps matches.`);
    for (const line of dumpLines(dumps)) console.log(line);
    for (const line of ignoredLines(found.ignored)) console.error(line);
    return EXIT.done;
  },
};
