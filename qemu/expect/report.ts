/** What `kdumpling report --json` says of the crash that the trigger made. */
import { join } from 'node:path';
import { PROJECT } from '../../build/paths.ts';
import type { CrashReport } from '../../scripts/lib/report/crash-report.ts';
import { runBounded } from '../judges/bounded-run.ts';
import type { ReportedCrash } from '../triggers/trigger.ts';
import type { Expectation } from './check.ts';

const TIMEOUT_SECONDS = 60;

export const reportOfTrigger =
  (wanted: ReportedCrash): Expectation =>
  async ({ dumps }) => {
    const what = `kdumpling report names the crash: ${Object.values(wanted).join(', ')}`;
    if (dumps.length === 0) return [{ what, holds: false, saw: 'no dump' }];
    const { exitCode, stdout, stderr } = await reportOn(dumps[0]);
    if (exitCode !== 0) return [{ what, holds: false, saw: stderr.trim() || `exit code ${exitCode}` }];
    const said = reportedCrash(JSON.parse(stdout) as CrashReport);
    const wrong = disagreements(wanted, said);
    return [{ what, holds: wrong.length === 0, saw: wrong.join('; ') || JSON.stringify(said) }];
  };

/** The report as the program prints it. */
export function reportOn(dump: string, words: readonly string[] = ['--json']) {
  const argv = [process.execPath, join(PROJECT, 'scripts/kdumpling.ts'), 'report', ...words, dump];
  return runBounded(argv, { timeoutSeconds: TIMEOUT_SECONDS });
}

export function reportedCrash({ crash }: CrashReport): Partial<ReportedCrash> {
  return {
    class: crash.class as ReportedCrash['class'],
    culprit: crash.culprit?.name,
    module: crash.culprit?.module,
    comm: crash.task?.comm,
    cpu: crash.task?.cpu,
  };
}

/** Task and CPU are compared where the trigger determines them. */
export function disagreements(wanted: ReportedCrash, said: Partial<ReportedCrash>): string[] {
  const compared = (['class', 'culprit', 'module', 'comm', 'cpu'] as const).filter(
    key => wanted[key] !== undefined || key === 'culprit' || key === 'module',
  );
  return compared
    .filter(key => wanted[key] !== said[key])
    .map(key => `${key} is ${said[key] ?? 'missing'}, not ${wanted[key] ?? 'missing'}`);
}
