import { describe, expect, test } from 'vitest';
import { openMemoryBudget } from '../../../capture/init/memory-budget.ts';

const M = 2 ** 20;
const having = (mib: number) =>
  openMemoryBudget(() => `MemTotal: 150000 kB\nMemAvailable: ${mib * 1024} kB\n`);

describe('extra work', () => {
  test.each([
    [56, undefined],
    [55, '55 MiB of memory are available, it needs 56'],
    [12, '12 MiB of memory are available, it needs 56'],
    [3, '3 MiB of memory are available, it needs 56'],
  ])('of 40 MiB where %d are available', (available, refusal) =>
    expect(having(available).refusal(40 * M)).toBe(refusal),
  );

  test('is looked at anew each time', () => {
    let available = 100;
    const budget = openMemoryBudget(() => `MemAvailable: ${available * 1024} kB\n`);
    expect(budget.refusal(40 * M)).toBeUndefined();
    available = 20;
    expect(budget.refusal(40 * M)).toBe('20 MiB of memory are available, it needs 56');
  });
});

describe('a buffer of 2 MiB, at least a quarter of one', () => {
  test.each([
    [100, 2],
    [20, 2],
    [18, 1],
    [17, 0.5],
    [16, 0.25],
    [1, 0.25],
  ])('where %d MiB are available has %d MiB', (available, mib) =>
    expect(having(available).grant(2 * M, M / 4)).toBe(mib * M),
  );
});

test.each([
  ['does not say what is available', () => 'MemTotal: 5 kB\n'],
  [
    'cannot be asked',
    () => {
      throw new Error('EIO');
    },
  ],
])('where the kernel %s, everything goes as wished', (_, readText) => {
  const budget = openMemoryBudget(readText);
  expect(budget.refusal(2 ** 40)).toBeUndefined();
  expect(budget.grant(2 ** 25, 1)).toBe(2 ** 25);
});
