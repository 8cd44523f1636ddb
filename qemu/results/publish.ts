/** Writes what people look at into `lab-runs/`: index.html, a page for each run, results.json and results.md. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexPage } from './index-page.ts';
import { markdown } from './markdown.ts';
import { runPage } from './run-page.ts';
import { readRuns } from './runs.ts';

const RESULTS_FORMAT = 1;

/** @returns the path of index.html. */
export function publishResults(directory: string): string {
  const runs = readRuns(directory);
  for (const run of runs) writeFileSync(join(run.directory, 'index.html'), runPage(run));
  const json = { format: RESULTS_FORMAT, runs: runs.map(({ directory: _, ...facts }) => facts) };
  writeFileSync(join(directory, 'results.json'), `${JSON.stringify(json, null, 2)}\n`);
  writeFileSync(join(directory, 'results.md'), markdown(runs));
  const index = join(directory, 'index.html');
  writeFileSync(index, indexPage(runs));
  return index;
}
