/** The runs that `lab-runs/` holds, as facts for pages and tables. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from '../expect/check.ts';
import type { Cell } from '../lab/cell.ts';
import type { RunPhases } from '../run/segments.ts';

export const VERDICTS = ['passed', 'failed', 'lost', 'interrupted'] as const;

/** What summary.json holds of a run. A run that was lost or interrupted has no checks and no phases. */
export interface RunSummary {
  readonly verdict: (typeof VERDICTS)[number];
  readonly reason?: string;
  readonly fault: string;
  readonly trigger: string;
  readonly geometry: string;
  /** What is unusual about the crash, by option; the other fields have the triggers, faults and geometries of older runs. */
  readonly cell?: Cell;
  readonly kernel: { readonly release: string; readonly origin: string };
  readonly expectations?: readonly Check[];
  readonly phases?: RunPhases;
  readonly seconds?: number;
}

export interface Run extends RunSummary {
  /** The directory's name, which begins with its time. */
  readonly name: string;
  readonly directory: string;
}

/** The oldest first. What is no run, or one of an older lab, is left out. */
export function readRuns(runs: string): Run[] {
  if (!existsSync(runs)) return [];
  return readdirSync(runs, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap(name => {
      const summary = readSummary(join(runs, name, 'summary.json'));
      return summary ? [{ ...summary, name, directory: join(runs, name) }] : [];
    });
}

function readSummary(path: string): RunSummary | undefined {
  if (!existsSync(path)) return undefined;
  const summary = JSON.parse(readFileSync(path, 'utf8')) as Partial<RunSummary>;
  return summary.kernel && summary.geometry ? (summary as RunSummary) : undefined;
}
