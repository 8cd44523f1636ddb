/** What of a dump is uploaded: its report, or a file of its directory. */
import { basename } from 'node:path';
import { UsageError } from '../cli/command.ts';
import type { Dump } from '../dumps/dumps.ts';
import type { CrashReport } from '../report/crash-report.ts';
import { reportPage } from '../report/text.ts';
import { type Content, textContent } from './content.ts';
import { tableRow } from './hive-name.ts';

export function reportContent(report: CrashReport, json: boolean, isTable = false): Content {
  if (isTable) return textContent(tableRow(report), 'application/json');
  return json
    ? textContent(JSON.stringify(report), 'application/json')
    : textContent(reportPage(report), 'text/plain; charset=utf-8');
}

/** Regular files of the dump alone: a link in its directory can lead anywhere. @throws UsageError when it has no such file. */
export function fileOf({ id, directory, dumpFile, files }: Dump, given: string | undefined): string {
  const name = given === undefined ? dumpFile : basename(given);
  if (name !== undefined && files.some(file => file.name === name)) return name;
  throw new UsageError('NO_SUCH_FILE', {
    action: `upload ${id}`,
    actual: `${directory} has no ${name ?? 'dump'}`,
    wanted: files.length > 0 ? `one of ${files.map(file => file.name).join(', ')}` : 'a file',
  });
}
