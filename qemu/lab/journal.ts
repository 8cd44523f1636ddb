/**
 * The crashes of matrices, each with its last verdict and the commit at which it ran, in `lab-runs/matrix.json`. A run that was
 * ended, or whose failures were mended, is resumed from it.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../capture/storage/place/durable-file.ts';
import type { CellResult } from './suite.ts';

const JOURNAL_FORMAT = 2;

export interface JournalEntry extends Omit<CellResult, 'cell'> {
  /** The end of the crash: ISO 8601. */
  readonly at: string;
  /** Of the project: `a21d72a`, or `a21d72a+` with changes that are not committed; empty outside of a repository. */
  readonly commit: string;
}

export interface Journal {
  /** As they are now: another run may add some at the same time. */
  entries(): readonly JournalEntry[];
  /** The crash's entry takes the place of an older one. */
  add(result: CellResult): void;
}

/** Verdicts of earlier runs are kept until the crash is made again. A journal of another format counts as none. */
export function openJournal(path: string, commit: string): Journal {
  return {
    entries: () => readEntries(path),
    add({ cell: _, ...result }) {
      const others = readEntries(path).filter(({ title }) => title !== result.title);
      const results = [...others, { ...result, at: new Date().toISOString(), commit }];
      mkdirSync(dirname(path), { recursive: true });
      replaceFile(path, `${JSON.stringify({ format: JOURNAL_FORMAT, results }, null, 2)}\n`);
    },
  };
}

export function hasPassed({ entries }: Journal, title: string): boolean {
  return entries().some(entry => entry.title === title && entry.verdict === 'passed');
}

function readEntries(path: string): readonly JournalEntry[] {
  if (!existsSync(path)) return [];
  const { format, results } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly format: number;
    readonly results: readonly JournalEntry[];
  };
  return format === JOURNAL_FORMAT ? results : [];
}
