import { expect, test } from 'vitest';
import { describeSeconds, progressLine } from '../../../../scripts/lib/cli/progress.ts';

const HALF = { done: 50e6, total: 100e6, unit: 'bytes', seconds: 5 } as const;

test('a bar with share, rate and time left', () => {
  expect(progressLine(HALF, 80)).toBe(`[${'#'.repeat(15)}${'·'.repeat(15)}]  50.0 %  10.0 MB/s  ETA 5 s`);
  expect(progressLine({ ...HALF, unit: 'pages', done: 1000, total: 4000, seconds: 1 }, 80)).toMatch(
    /25\.0 % {2}1000 pages\/s {2}ETA 3 s$/,
  );
});

test('it begins without a rate, and ends full', () => {
  expect(progressLine({ ...HALF, done: 0, seconds: 0 }, 80)).toMatch(/^\[·+\] {2}0\.0 %$/);
  expect(progressLine({ ...HALF, total: 0, done: 0 }, 80)).toMatch(/0\.0 %$/);
  expect(progressLine({ ...HALF, done: 100e6 }, 80)).toMatch(/^\[#+\] {2}100\.0 % .*ETA 0 s$/);
});

test.each([80, 40, 30, 20, 10])('it fits into %i columns', columns => {
  expect(progressLine(HALF, columns).length).toBeLessThan(columns);
});

test.each([
  [3.2, '4 s'],
  [130, '2 min 10 s'],
  [3900, '1 h 5 min'],
])('%d s', (seconds, text) => expect(describeSeconds(seconds)).toBe(text));
