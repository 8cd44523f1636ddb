import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasPassed, openJournal } from '../../../../qemu/lab/journal.ts';
import type { CellResult } from '../../../../qemu/lab/suite.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-journal-'));
  path = join(directory, 'lab-runs/matrix.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

function result(title: string, verdict: CellResult['verdict']): CellResult {
  const reasons = verdict === 'passed' ? [] : ['the panic: none'];
  return { cell: { kernel: '6.1-cloud' }, release: '6.1.0', title, verdict, reasons, seconds: 1 };
}

test('a resumed matrix knows the verdict of each crash, and the commit at which it ran', () => {
  const first = openJournal(path, 'aaaaaaa');
  first.add(result('one', 'passed'));
  first.add(result('two', 'failed'));
  const second = openJournal(path, 'bbbbbbb');
  second.add(result('two', 'passed'));
  second.add(result('three', 'lost'));
  const facts = openJournal(path, 'ccccccc')
    .entries()
    .map(({ title, verdict, commit }) => [title, verdict, commit]);
  expect(facts).toEqual([
    ['one', 'passed', 'aaaaaaa'],
    ['two', 'passed', 'bbbbbbb'],
    ['three', 'lost', 'bbbbbbb'],
  ]);
});

test('the reasons, the kernel and the time are kept', () => {
  openJournal(path, 'aaaaaaa').add(result('one', 'failed'));
  expect(openJournal(path, '').entries()).toEqual([
    {
      title: 'one',
      verdict: 'failed',
      release: '6.1.0',
      reasons: ['the panic: none'],
      seconds: 1,
      commit: 'aaaaaaa',
      at: expect.stringMatching(/^20\d\d-/),
    },
  ]);
});

test('two runs at the same time keep each other’s verdicts, and know what the other one passed', () => {
  const [one, other] = [openJournal(path, 'aaaaaaa'), openJournal(path, 'aaaaaaa')];
  one.add(result('first', 'passed'));
  other.add(result('second', 'failed'));
  expect(one.entries().map(({ title }) => title)).toEqual(['first', 'second']);
  expect(hasPassed(other, 'first')).toBe(true);
  expect(hasPassed(one, 'second')).toBe(false);
});

test('another matrix does not cost the verdicts of the first', () => {
  openJournal(path, '').add(result('first', 'passed'));
  openJournal(path, '').add(result('second', 'passed'));
  expect(
    openJournal(path, '')
      .entries()
      .map(({ title }) => title),
  ).toEqual(['first', 'second']);
});

test('a journal of another format counts as none', () => {
  openJournal(path, '').add(result('first', 'passed'));
  writeFileSync(path, '{"format": 1, "results": [{"title": "first"}]}');
  expect(openJournal(path, '').entries()).toEqual([]);
});
