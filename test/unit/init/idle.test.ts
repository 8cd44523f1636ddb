import { expect, test } from 'vitest';
import { IdleTimer } from '../../../capture/init/idle.ts';

test.each([
  [
    'no use',
    10,
    [
      [5, 1],
      [5, 9],
      [5, 11],
    ],
    ['waiting', 'waiting', 'over'],
  ],
  [
    'use now and then',
    10,
    [
      [5, 1],
      [6, 9],
      [6, 18],
      [6, 19],
    ],
    ['waiting', 'waiting', 'waiting', 'over'],
  ],
  [
    'a clock that was set back counts as use',
    10,
    [
      [5, 1],
      [2, 9],
      [2, 18],
    ],
    ['waiting', 'waiting', 'waiting'],
  ],
  [
    'no limit',
    0,
    [
      [5, 1],
      [5, 1e6],
    ],
    ['waiting', 'waiting'],
  ],
])('%s', (_, limit, looks, answers) => {
  const idle = new IdleTimer(limit, 0);
  expect(looks.map(([stamp, now]) => idle.look(stamp, now))).toEqual(answers);
});
