/**
 * The captures of searches, each with its size and what it was made of, in `lab-runs/smallest.json`: ten in a row of each cell take
 * hours, and a search that was ended goes on from here.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../capture/storage/place/durable-file.ts';
import type { Attempt, Cell } from './search.ts';

const JOURNAL_FORMAT = 2;

/** What captures that count for each other have in common, besides the cell and the size. */
export interface Origin {
  /** The newest that changed what a capture is made of: `a21d72a`, or `a21d72a+` with changes that are not committed. */
  readonly commit: string;
  /** Options of the machine that are not the usual ones: `--memory 4096`. */
  readonly machine: string;
}

export interface SizedCapture extends Attempt, Origin {
  readonly cell: Cell;
  readonly mib: number;
  /** The end of the capture: ISO 8601. */
  readonly at: string;
}

export interface SearchJournal {
  add(cell: Cell, mib: number, attempt: Attempt): void;
  /** Captures of this origin that came home, oldest first. Those that did not are made again: the machine may have been busy. */
  cameHome(cell: Cell, mib: number): readonly SizedCapture[];
}

/** A journal of another format counts as none. */
export function openSearchJournal(path: string, origin: Origin): SearchJournal {
  return {
    add(cell, mib, attempt) {
      const captures = [
        ...readCaptures(path),
        { cell, mib, ...attempt, ...origin, at: new Date().toISOString() },
      ];
      mkdirSync(dirname(path), { recursive: true });
      replaceFile(path, `${JSON.stringify({ format: JOURNAL_FORMAT, captures }, null, 2)}\n`);
    },
    cameHome: (cell, mib) =>
      readCaptures(path).filter(
        one => one.cameHome && one.mib === mib && isSameOrigin(one, origin) && isSameCell(one.cell, cell),
      ),
  };
}

function isSameOrigin(one: Origin, other: Origin): boolean {
  return one.commit === other.commit && one.machine === other.machine;
}

function isSameCell(one: Cell, other: Cell): boolean {
  return (
    one.kernel === other.kernel &&
    one.architecture === other.architecture &&
    one.layout === other.layout &&
    one.speed === other.speed &&
    one.across === other.across
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
