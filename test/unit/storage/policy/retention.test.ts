import { describe, expect, test } from 'vitest';
import {
  byAge,
  expiredDumps,
  removableDumps,
  type StoredDump,
} from '../../../../capture/storage/policy/retention.ts';

const dump = (name: string, bytes = 10, isComplete = true): StoredDump => ({ name, bytes, isComplete });
const names = (dumps: readonly StoredDump[]) => dumps.map(({ name }) => name);

test('by age: the stamp, and the numbers of a second as numbers', () => {
  const given = ['20260102T000000Z-10', '20260102T000000Z-2', '20260102T000000Z', '20250101T000000Z'];
  expect(
    given
      .map(name => ({ name }))
      .toSorted(byAge)
      .map(({ name }) => name),
  ).toEqual(given.toReversed());
});

describe('what may go to make room', () => {
  test.each([
    ['nothing, of none', [], []],
    ['nothing, of one that is complete', [dump('1')], []],
    ['an incomplete one', [dump('1', 10, false)], ['1']],
    ['the older of two', [dump('2'), dump('1')], ['1']],
    ['incomplete ones that are newer too', [dump('1'), dump('2', 10, false)], ['2']],
    ['never the one that is being made', [dump('1'), dump('3', 0, false), dump('2')], ['1']],
  ] as const)('%s', (_, dumps, expected) => expect(names(removableDumps(dumps, '3'))).toEqual(expected));
});

describe('what goes after a complete dump', () => {
  const dumps = [dump('1'), dump('2', 10, false), dump('3'), dump('4')];
  test.each([
    [0, 0, []],
    [4, 0, []],
    [3, 0, ['1']],
    [2, 0, ['1', '2']],
    [1, 0, ['1', '2', '3']],
    [0, 40, []],
    [0, 39, ['1']],
    [0, 30, ['1']],
    [0, 29, ['1', '2']],
    [0, 1, ['1', '2', '3']],
    [3, 20, ['1', '2']],
    [1, 40, ['1', '2', '3']],
  ])('keepDumps %i, maxUse %i', (keepDumps, maxUseBytes, expected) =>
    expect(names(expiredDumps(dumps, '4', { keepDumps, maxUseBytes }))).toEqual(expected),
  );

  test('the one just made stays, though its clock says 1970', () => {
    const made = dump('19700101T000012Z');
    const expired = expiredDumps([...dumps, made], made.name, { keepDumps: 1, maxUseBytes: 0 });
    expect(names(expired)).toEqual(['1', '2', '3', '4']);
  });
});
