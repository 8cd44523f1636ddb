/** Symbols by address, sorted and not, against a list that is sorted anew. */
import { describe, expect, test } from 'vitest';
import { AddressOrder } from '../../../../capture/autopsy/symbols/address-order.ts';
import { Random } from '../../../support/random.ts';

const COUNT = 1000;

/** With aliases: every third has the address of the one before. */
const SORTED = Array.from({ length: COUNT }, (_, i) => 16 * (i % 3 === 2 ? i - 1 : i));

function ordered(positions: readonly number[]): AddressOrder {
  return new AddressOrder(positions.length, number => positions[number]!);
}

test('of sorted ones, every place, with a look at a few of them', () => {
  const looked = new Set<number>();
  const order = new AddressOrder(COUNT, number => {
    looked.add(number);
    return SORTED[number]!;
  });
  expect(order.firstFrom(SORTED[501]!)).toBe(501);
  expect(looked.size).toBeLessThan(COUNT / 8);
  for (const position of [-1, 0, 1, ...SORTED, ...SORTED.map(one => one + 1), Number.POSITIVE_INFINITY]) {
    expect(order.firstFrom(position)).toBe(SORTED.filter(one => one < position).length);
  }
  expect(order.at(77)).toBe(77);
});

test('of none', () => {
  expect(ordered([]).firstFrom(5)).toBe(0);
});

describe.each([
  ['two in each other’s place', [300, 700]],
  ['neighbours in the wrong order', [431, 432]],
  ['the first of a block', [256, 257]],
  ['the first and the last', [0, COUNT - 1]],
])('%s', (_, [one, other]) => {
  const positions = SORTED.with(one!, SORTED[other!]!).with(other!, SORTED[one!]!);

  test('both are found, whichever is asked for first', () => {
    for (const numbers of [
      [one!, other!],
      [other!, one!],
    ]) {
      const order = ordered(positions);
      for (const number of numbers) {
        const position = positions[number]!;
        const same = positions.flatMap((at, i) => (at === position ? [i] : []));
        expect(order.at(order.firstFrom(position))).toBe(same[0]);
      }
    }
  });
});

test('300 orders with damaged ones: what is found is there, or what comes next', () => {
  const random = new Random(31);
  for (let i = 0; i < 300; i++) {
    const positions = [...SORTED];
    for (let left = random.below(5); left >= 0; left--)
      positions[random.below(COUNT)] = random.below(20 * COUNT);
    const order = ordered(positions);
    for (let asked = 0; asked < 10; asked++) {
      const rank = order.firstFrom(random.below(20 * COUNT));
      expect(rank).toBeGreaterThanOrEqual(0);
      expect(rank).toBeLessThanOrEqual(COUNT);
      if (rank < COUNT) expect(order.at(rank)).toBeGreaterThanOrEqual(0);
    }
  }
});
