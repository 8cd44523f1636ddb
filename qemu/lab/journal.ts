/** The crashes of a matrix that have a verdict, in `lab-runs/matrix.json`, so that a run that was ended can be resumed. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../capture/storage/place/durable-file.ts';
import type { CellResult } from './suite.ts';

const JOURNAL_FORMAT = 1;

interface Journal {
  readonly format: typeof JOURNAL_FORMAT;
  readonly results: readonly Pick<CellResult, 'title' | 'verdict' | 'directory' | 'seconds'>[];
}

/** The titles of the crashes that passed. A journal of another format counts as none. */
export function passedBefore(path: string): ReadonlySet<string> {
  if (!existsSync(path)) return new Set();
  const journal = JSON.parse(readFileSync(path, 'utf8')) as Journal;
  const results = journal.format === JOURNAL_FORMAT ? journal.results : [];
  return new Set(results.filter(({ verdict }) => verdict === 'passed').map(({ title }) => title));
}

/** Returns a function that adds a result. @param before titles that passed in the run that is resumed. */
export function openJournal(path: string, before: ReadonlySet<string>): (result: CellResult) => void {
  const results: Journal['results'][number][] = [...before].map(title => ({
    title,
    verdict: 'passed',
    seconds: 0,
  }));
  return ({ title, verdict, directory, seconds }) => {
    results.push({ title, verdict, directory, seconds });
    mkdirSync(dirname(path), { recursive: true });
    replaceFile(path, `${JSON.stringify({ format: JOURNAL_FORMAT, results } satisfies Journal, null, 2)}\n`);
  };
}
