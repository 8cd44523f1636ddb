/** Where a run leaves its files: `lab-runs/<time>-<name>/`, and `lab-runs/latest`, a link to the newest that ended. */
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { PROJECT } from '../../build/paths.ts';
import { describeError } from '../../capture/errors.ts';

export const RUNS = join(PROJECT, 'lab-runs');
/** What `kdumpling report` printed of the run's crash. */
export const REPORT_FILE = 'report.txt';

/** A run's name, and what its summary says of it even when it does not come to an end. */
export interface NamedRun {
  readonly name: string;
  readonly facts: object;
}

/**
 * Runs `work` with an empty directory. A run that was interrupted says so in its summary.json and does not become the
 * latest; one that failed otherwise does, since it is the one to look at.
 */
export async function inRunDirectory<T>(
  { name, facts }: NamedRun,
  signal: AbortSignal,
  work: (directory: string) => Promise<T>,
  runs = RUNS,
): Promise<T> {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  mkdirSync(runs, { recursive: true });
  const directory = freeName(join(runs, `${stamp}-${name}`));
  mkdirSync(directory);
  try {
    const result = await work(directory);
    makeLatest(directory);
    return result;
  } catch (error) {
    if (signal.aborted) {
      writeSummary(directory, { verdict: 'interrupted', ...facts });
      console.error(`interrupted: ${relative(process.cwd(), directory)} holds an unfinished run`);
    } else {
      writeSummary(directory, { verdict: 'lost', ...facts, reason: describeError(error) });
      makeLatest(directory);
    }
    throw error;
  }
}

export function writeSummary(directory: string, summary: object): void {
  writeFileSync(join(directory, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
}

/** Two runs of one name may begin in the same second. */
function freeName(directory: string): string {
  for (let number = 2, name = directory; ; number++) {
    if (!existsSync(name)) return name;
    name = `${directory}-${number}`;
  }
}

/** Replaced at once: another run may end at the same time. */
function makeLatest(directory: string): void {
  const link = `${directory}.latest`;
  symlinkSync(basename(directory), link);
  renameSync(link, join(dirname(directory), 'latest'));
}
