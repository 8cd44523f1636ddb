/**
 * The captures of searches, each with its size and the commit at which it ran, in `lab-runs/smallest.json`: ten in a row of each
 * cell take hours, and a search that was ended goes on from here.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../capture/storage/place/durable-file.ts';
import type { Attempt, Cell } from './search.ts';

const JOURNAL_FORMAT = 1;

export interface SizedCapture extends Attempt {
  readonly cell: Cell;
  readonly mib: number;
  /** Of the project: `a21d72a`, or `a21d72a+` with changes that are not committed. */
  readonly commit: string;
  /** The end of the capture: ISO 8601. */
  readonly at: string;
}

export interface SearchJournal {
  add(cell: Cell, mib: number, attempt: Attempt): void;
  /** Captures of this commit that came home, oldest first. Those that did not are made again: the machine may have been busy. */
  cameHome(cell: Cell, mib: number): readonly SizedCapture[];
}

/** A journal of another format counts as none. */
export function openSearchJournal(path: string, commit: string): SearchJournal {
  return {
    add(cell, mib, attempt) {
      const captures = [
        ...readCaptures(path),
        { cell, mib, ...attempt, commit, at: new Date().toISOString() },
      ];
      mkdirSync(dirname(path), { recursive: true });
      replaceFile(path, `${JSON.stringify({ format: JOURNAL_FORMAT, captures }, null, 2)}\n`);
    },
    cameHome: (cell, mib) =>
      readCaptures(path).filter(
        one => one.cameHome && one.commit === commit && one.mib === mib && isSameCell(one.cell, cell),
      ),
  };
}

function isSameCell(one: Cell, other: Cell): boolean {
  return (
    one.kernel === other.kernel &&
    one.architecture === other.architecture &&
    one.layout === other.layout &&
    one.speed === other.speed
  );
}

function readCaptures(path: string): readonly SizedCapture[] {
  if (!existsSync(path)) return [];
  const { format, captures } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly format: number;
    readonly captures: readonly SizedCapture[];
  };
  return format === JOURNAL_FORMAT ? captures : [];
}
