import { expect, test } from 'vitest';
import { pairwise, type Row } from '../../../../qemu/lab/pairwise.ts';

const AXES = { bus: ['a', 'b', 'c'], fs: ['x', 'y', 'z'], layout: ['1', '2'], level: ['0', '31'] } as const;

const meet = (rows: readonly Row[], pair: Row) =>
  rows.some(row => Object.entries(pair).every(([axis, value]) => row[axis] === value));

function allPairs(axes: Readonly<Record<string, readonly string[]>>): Row[] {
  const entries = Object.entries(axes);
  return entries.flatMap(([one, values], at) =>
    entries
      .slice(at + 1)
      .flatMap(([other, others]) => values.flatMap(a => others.map(b => ({ [one]: a, [other]: b })))),
  );
}

test('each two values meet, in far fewer rows than there are combinations', () => {
  const rows = pairwise(AXES);
  expect(allPairs(AXES).filter(pair => !meet(rows, pair))).toEqual([]);
  expect(rows.length).toBeLessThan(13);
  expect(rows.every(row => Object.keys(row).length === 4)).toBe(true);
});

test('what is not allowed does not meet, and all else does', () => {
  const allowed = (row: Row) => !(row.bus === 'a' && row.fs === 'x');
  const rows = pairwise(AXES, allowed);
  expect(meet(rows, { bus: 'a', fs: 'x' })).toBe(false);
  expect(allPairs(AXES).filter(pair => allowed(pair) && !meet(rows, pair))).toEqual([]);
});

test('a value that nothing is allowed with ends in no row, and the search ends', () => {
  const rows = pairwise(AXES, row => row.bus !== 'c' || row.fs === undefined);
  expect(rows.some(({ bus }) => bus === 'c')).toBe(false);
  expect(meet(rows, { bus: 'b', fs: 'z' })).toBe(true);
});
