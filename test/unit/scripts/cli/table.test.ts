import { expect, test } from 'vitest';
import { tableLines } from '../../../../scripts/lib/cli/table.ts';

const ROWS = [
  ['a', 'complete', 'Kernel panic - not syncing: Fatal exception'],
  ['bcd', 'incomplete', ''],
  ['ü', 'x'],
];

test('columns are as wide as their widest cell, and lines as long as they are', () => {
  expect(tableLines(ROWS, { indent: 1 })).toEqual([
    ' a    complete    Kernel panic - not syncing: Fatal exception',
    ' bcd  incomplete',
    ' ü    x',
  ]);
  expect(tableLines([])).toEqual([]);
});

test('on a terminal the last cell is cut or wrapped', () => {
  expect(tableLines(ROWS, { columns: 40 })[0]).toBe('a    complete    Kernel panic - not syn…');
  expect(tableLines(ROWS, { columns: 40, last: 'wrapped' }).slice(0, 2)).toEqual([
    'a    complete    Kernel panic - not',
    '                 syncing: Fatal',
  ]);
  for (const line of tableLines(ROWS, { columns: 40, last: 'wrapped' }))
    expect(line.length).toBeLessThanOrEqual(40);
});

test('a terminal that is too narrow gets whole lines', () => {
  expect(tableLines(ROWS, { columns: 30 })[0]).toContain('Fatal exception');
});
