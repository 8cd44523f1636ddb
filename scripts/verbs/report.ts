/** `kdumpling report`: why a machine crashed, on one page; what the boot after a crash puts into the journal. */

import { reportNews } from '../lib/announce/news.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { readConfig } from '../lib/config/config.ts';
import { findDump, onlyArgument } from '../lib/dumps/find-dump.ts';
import { hostDumps } from '../lib/dumps/host-dumps.ts';
import { openHost } from '../lib/host/host.ts';
import type { CrashReport } from '../lib/report/crash-report.ts';
import { reportDump } from '../lib/report/dump-report.ts';
import { reportLines, reportPage } from '../lib/report/text.ts';

const OPTIONS = {
  json: { help: 'say it as JSON' },
  journal: { help: 'a line for each fact' },
  new: {
    help: 'those that were not yet reported so, as --journal; posts them to notify_url. For the boot after a crash',
  },
} as const;

export const report: Command<typeof OPTIONS> = {
  name: 'kdumpling report',
  purpose: 'Says on one page why the machine crashed (without ID: the last time) and what was saved.',
  positionals: ['[ID|DIRECTORY|FILE]'],
  options: OPTIONS,
  async run(given, signal) {
    const host = openHost();
    if (given.new) return reportNews(host, hostDumps(host), readConfig(host).notifyUrl, signal);
    const dump = findDump(host, onlyArgument('kdumpling report', given.positionals));
    console.log(format(reportDump(host, dump), given));
    return EXIT.done;
  },
};

function format(report: CrashReport, { json, journal }: { json: boolean; journal: boolean }): string {
  if (json) return JSON.stringify(report, undefined, 2);
  return journal ? reportLines(report).join('\n') : reportPage(report);
}
