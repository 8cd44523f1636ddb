import { describe, expect, test } from 'vitest';
import { niceAbove, scaleChart } from '../../scale/chart.ts';

const points = (values: readonly number[]) => values.map((value, i) => ({ sizeGib: 4 ** i, value }));

test('equal ratios of size are equal distances, values begin at 0', () => {
  const svg = scaleChart([{ title: 'seconds', series: [{ name: 'one', points: points([0, 5, 10]) }] }]);
  expect(svg).toContain('<polyline points="0,260 210,130 420,0"');
});

test('each series and the limit have a name, and no text is markup', () => {
  const series = [
    { name: 'a & b', points: points([1, 2]) },
    { name: '<c>', points: points([2, 1]) },
  ];
  const svg = scaleChart([{ title: 'MB', series, limit: { name: 'limit', value: 100 } }]);
  for (const text of ['a &amp; b', '&lt;c&gt;', '>limit<', '>1 GB<', '>4 GB<', '>100<'])
    expect(svg).toContain(text);
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

test('a single size is no division by zero', () => {
  const series = [{ name: 'one', points: [{ sizeGib: 1024, value: 3 }] }];
  expect(scaleChart([{ title: 't', series }])).not.toMatch(/NaN|Infinity/);
});

describe.each([
  [0.7, 1],
  [1, 1],
  [1.1, 2],
  [96, 100],
  [101, 200],
  [0.0003, 0.001],
])('axis above %d', (value, nice) => {
  test(`ends at ${nice}`, () => expect(niceAbove(value)).toBeCloseTo(nice));
});
