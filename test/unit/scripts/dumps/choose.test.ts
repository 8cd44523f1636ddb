import { expect, test } from 'vitest';
import { parseSince } from '../../../../scripts/lib/cli/since.ts';
import { type Choice, choose } from '../../../../scripts/lib/dumps/choose.ts';
import type { Dump } from '../../../../scripts/lib/dumps/dumps.ts';
import { dumpLines } from '../../../../scripts/lib/dumps/list-text.ts';

const dump = (id: string, day: number) =>
  ({ id, time: new Date(Date.UTC(2026, 10, day)), state: 'complete', bytes: 5, isOurs: true }) as Dump;
const DUMPS = [dump('a', 1), dump('b', 2), dump('c', 3)];
const ALL: Choice = { most: undefined, since: undefined, newestFirst: false };

test.each<[string, Partial<Choice>, string]>([
  ['all', {}, 'abc'],
  ['the newest two', { most: 2 }, 'bc'],
  ['more than there are', { most: 9 }, 'abc'],
  ['since', { since: new Date(Date.UTC(2026, 10, 2)) }, 'bc'],
  ['newest first', { newestFirst: true }, 'cba'],
  ['the newest two, newest first', { most: 2, newestFirst: true }, 'cb'],
])('%s', (_, choice, ids) =>
  expect(
    choose(DUMPS, { ...ALL, ...choice })
      .map(({ id }) => id)
      .join(''),
  ).toBe(ids),
);

const NOW = new Date(2026, 10, 28, 10, 12, 13);
test.each([
  ['2026-11-28', new Date(2026, 10, 28)],
  ['2026-11-28 10:12', new Date(2026, 10, 28, 10, 12)],
  ['2026-11-28T10:12:13Z', new Date(Date.UTC(2026, 10, 28, 10, 12, 13))],
  ['today', new Date(2026, 10, 28)],
  ['yesterday', new Date(2026, 10, 27)],
  ['2h', new Date(2026, 10, 28, 8, 12, 13)],
  ['30min', new Date(2026, 10, 28, 9, 42, 13)],
  ['1 d ago', new Date(2026, 10, 27, 10, 12, 13)],
])('--since %s', (text, time) => expect(parseSince(text, NOW)).toEqual(time));

test.each(['', 'soon', '2026-13-01', '2026-11-28 25:00', '3 fortnights', '-1d'])(
  '--since %j is refused',
  text => expect(() => parseSince(text, NOW)).toThrow('Cannot use --since'),
);

test('columns are aligned, whatever the length of the IDs', () => {
  const lines = dumpLines([dump('20261121T220234Z', 1), dump('20261121T220234Z-2', 1)]);
  expect(lines).toEqual(['20261121T220234Z    complete  5 B', '20261121T220234Z-2  complete  5 B']);
});
