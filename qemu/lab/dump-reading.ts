/** What a person who has a dump looks at first: the stack of the panic, and the page of `kdumpling report --html`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import { readTasks } from '../../capture/autopsy/tasks/tasks.ts';
import { btLines } from '../../capture/autopsy/unwind/bt-lines.ts';
import { openUnwinder } from '../../capture/autopsy/unwind/unwinder.ts';
import { describeError, Failure } from '../../capture/errors.ts';
import { findDump } from '../../scripts/lib/dumps/find-dump.ts';
import { openDumpFile } from '../../scripts/lib/dumps/open-vmcore.ts';
import { openHost } from '../../scripts/lib/host/host.ts';
import { reportWithAutopsy } from '../../scripts/lib/report/dump-report.ts';
import { htmlPage } from '../../scripts/lib/report/page/page.ts';

export interface DumpReading {
  /** The lines of `kdumpling bt`, or one that says why there are none. */
  readonly stack: readonly string[];
  /** The path of the page. */
  readonly page: string;
}

/**
 * @param dump a directory with a complete dump.
 * @param directory gets the page. @throws what reading a dump throws.
 */
export function readDump(dump: string, directory: string): DumpReading {
  const page = join(directory, 'report.html');
  const host = openHost();
  const { report, autopsy } = reportWithAutopsy(host, findDump(host, dump), true);
  writeFileSync(page, htmlPage(report, autopsy));
  return { stack: panicStack(join(dump, 'vmcore')), page };
}

function panicStack(path: string): string[] {
  try {
    const kernel = openAutopsy(openDumpFile(path, 'show its stack').vmcore);
    const { panicTask } = readTasks(kernel);
    if (!panicTask) return ['no stack: the dump does not say which task panicked'];
    return btLines(panicTask, openUnwinder(kernel).backtrace(panicTask.address));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [`no stack: ${describeError(error)}`];
  }
}
