/** What of a dump is uploaded: its report, or a file of its directory. */
import { basename } from 'node:path';
import { UsageError } from '../cli/command.ts';
import type { Dump } from '../dumps/dumps.ts';
import type { Host } from '../host/host.ts';
import { reportDump } from '../report/dump-report.ts';
import { reportPage } from '../report/text.ts';
import { type Content, textContent } from './content.ts';

export function reportContent(host: Host, dump: Dump, json: boolean): Content {
  const report = reportDump(host, dump);
  return json
    ? textContent(JSON.stringify(report), 'application/json')
    : textContent(reportPage(report), 'text/plain; charset=utf-8');
}

/** @throws UsageError when the dump has no such file. */
export function fileOf(host: Host, { id, directory }: Dump, given: string | undefined): string {
  const names = given === undefined ? ['vmcore', 'vmcore-incomplete'] : [basename(given)];
  const name = names.find(file => host.exists(`${directory}/${file}`));
  if (name !== undefined) return name;
  throw new UsageError('NO_SUCH_FILE', {
    action: `upload ${id}`,
    actual: `there is no ${names.join(' or ')} in ${directory}`,
    wanted: `there are ${host.list(directory).join(', ')}`,
  });
}
