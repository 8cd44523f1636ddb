import { describe, expect, test } from 'vitest';
import { withoutHoles } from '../../../capture/vmcore/ranges.ts';

describe('ranges without holes', () => {
  const range = { start: 100, end: 200 };
  test.each([
    [
      'in the middle',
      [{ start: 120, end: 150 }],
      [
        [100, 120],
        [150, 200],
      ],
    ],
    ['at the start', [{ start: 100, end: 150 }], [[150, 200]]],
    ['at the end', [{ start: 150, end: 200 }], [[100, 150]]],
    ['the whole', [{ start: 0, end: 300 }], []],
    [
      'beside',
      [
        { start: 0, end: 100 },
        { start: 200, end: 300 },
      ],
      [[100, 200]],
    ],
    [
      'two',
      [
        { start: 110, end: 120 },
        { start: 130, end: 140 },
      ],
      [
        [100, 110],
        [120, 130],
        [140, 200],
      ],
    ],
  ])('%s', (_, holes, left) => {
    expect(withoutHoles([range], holes).map(({ start, end }) => [start, end])).toEqual(left);
  });
});
