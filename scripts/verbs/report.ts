/** `kdumpling report`: why a machine crashed, on one page; what the boot after a crash puts into the journal. */

import { reportNews } from '../lib/announce/news.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';
import { findDump, onlyArgument, orNone } from '../lib/dumps/find-dump.ts';
import { hostDumps, readableConfig } from '../lib/dumps/host-dumps.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import { REPORT_FORMAT } from '../lib/report/crash-report.ts';
import { reportDump, reportWithAutopsy } from '../lib/report/dump-report.ts';
import { htmlPage } from '../lib/report/page/page.ts';
import { reportLines, reportPage } from '../lib/report/text.ts';

const OPTIONS = {
  html: { help: 'as one self-contained web page, with all CPUs, tasks, waits and a picture of the memory' },
  json: { help: 'as JSON; see kdumpling-json(5)' },
  journal: { help: 'a line for each fact' },
  new: {
    help: 'those that were not yet reported so, as --journal; posts them to notify_url. For the boot after a crash',
  },
  ...ROOT_OPTION,
} as const;

/** Each excludes the others. */
const FORMATS = ['html', 'json', 'journal'] as const;

export const report: Command<typeof OPTIONS> = {
  name: 'kdumpling report',
  purpose: 'Says on one page why the machine crashed (without ID: the last time) and what was saved.',
  positionals: ['[ID|DIRECTORY|FILE]'],
  options: OPTIONS,
  async run(given, signal) {
    const formats = FORMATS.filter(name => given[name]);
    if (formats.length > 1)
      throw new UsageError('USAGE', {
        action: 'run kdumpling report',
        actual: `it has ${formats.map(name => `--${name}`).join(' and ')}`,
        wanted: 'one format',
      });
    const host = openGivenHost(given.root);
    if (given.new) {
      const { settings, isUsable } = readableConfig(host);
      const notifyUrl = isUsable ? settings.notifyUrl : 'unknown';
      return reportNews(host, hostDumps(host, settings), notifyUrl, signal);
    }
    const find = () => findDump(host, onlyArgument('kdumpling report', given.positionals));
    if (given.json) {
      const dump = orNone(find);
      console.log(JSON.stringify(dump ? reportDump(host, dump) : NO_REPORT, undefined, 2));
      return EXIT.done;
    }
    if (given.html) {
      const { report: facts, autopsy } = reportWithAutopsy(host, find(), true);
      console.log(htmlPage(facts, autopsy));
      return EXIT.done;
    }
    const facts = reportDump(host, find());
    console.log(given.journal ? reportLines(facts).join('\n') : reportPage(facts));
    return EXIT.done;
  },
};

/** The document of a machine without dumps. */
const NO_REPORT = { format: REPORT_FORMAT, id: null };
