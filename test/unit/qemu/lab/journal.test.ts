import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal, passedBefore } from '../../../../qemu/lab/journal.ts';
import { PLAIN } from '../../../../qemu/lab/matrix.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-journal-'));
  path = join(directory, 'lab-runs/matrix.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

function add(before: ReadonlySet<string>, title: string, verdict: 'passed' | 'failed' | 'lost'): void {
  openJournal(path, before)({ cell: PLAIN, title, verdict, reasons: [], seconds: 1 });
}

test('what passed is left out when the matrix is resumed, what failed or was lost is not', () => {
  expect(passedBefore(path)).toEqual(new Set());
  const write = openJournal(path, new Set());
  for (const verdict of ['passed', 'failed', 'lost'] as const) {
    write({ cell: PLAIN, title: verdict, verdict, reasons: [], seconds: 1 });
  }
  expect(passedBefore(path)).toEqual(new Set(['passed']));
});

test('a resumed matrix that is ended again keeps what passed in both runs', () => {
  add(new Set(), 'first', 'passed');
  add(passedBefore(path), 'second', 'passed');
  expect(passedBefore(path)).toEqual(new Set(['first', 'second']));
});

test('a matrix that is not resumed begins anew', () => {
  add(new Set(), 'first', 'passed');
  add(new Set(), 'second', 'passed');
  expect(passedBefore(path)).toEqual(new Set(['second']));
});

test('a journal of another format counts as none', () => {
  add(new Set(), 'first', 'passed');
  writeFileSync(path, '{"format": 99}');
  expect(passedBefore(path)).toEqual(new Set());
});
