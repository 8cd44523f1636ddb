/** The kernel's own index of names: what it gives is right, and where it is damaged it gives nothing. */
import { describe, expect, test } from 'vitest';
import { CompressedNames } from '../../../../capture/autopsy/symbols/compressed-names.ts';
import { NameOrder } from '../../../../capture/autopsy/symbols/name-order.ts';
import { wholeTable } from '../../../../capture/autopsy/table.ts';
import { Random } from '../../../support/random.ts';

const ENTRY_BYTES = 3;
/** Of each byte the byte itself; of some, more. */
const TOKENS = Array.from({ length: 256 }, (_, byte) => Buffer.from(byte === 1 ? 'Tname_' : [byte]));
const random = new Random(41);
/** In an order that is not that of names. Every tenth has the name of another. */
const NAMES = Array.from({ length: 700 }, (_, i) => `name_${((i % 10 === 0 ? i / 10 : i) * 7919) % 1009}`);
const ABSENT = ['', 'name_', 'name_99999', 'nbme', '~', 'name_1000x', 'Tname_'];

function compressed(names: readonly string[]): CompressedNames {
  const bytes = names.map(name => {
    const tokens = name.startsWith('name_') ? [1, ...Buffer.from(name.slice(5))] : Buffer.from(`T${name}`);
    return Buffer.from([tokens.length, ...tokens]);
  });
  return new CompressedNames(wholeTable(Buffer.concat(bytes)), TOKENS, names.length);
}

function entries(names: readonly string[]): number[] {
  const compare = (a: number, b: number) =>
    Buffer.compare(Buffer.from(names[a]!), Buffer.from(names[b]!)) || a - b;
  return [...names.keys()].sort(compare);
}

function table(numbers: readonly number[]): Buffer {
  return Buffer.from(numbers.flatMap(number => [number >> 16, (number >> 8) & 0xff, number & 0xff]));
}

const numbersOf = (name: string) => NAMES.flatMap((one, number) => (one === name ? [number] : []));

test('each name has its numbers, and others have none', () => {
  const order = new NameOrder(wholeTable(table(entries(NAMES))), compressed(NAMES));
  for (const name of [...NAMES, ...ABSENT]) expect(order.numbers(name)).toEqual(numbersOf(name));
});

test.each([1, 2, 3, 5, 127, 128, 129, 257])('%d names', count => {
  const names = NAMES.slice(0, count);
  const order = new NameOrder(wholeTable(table(entries(names))), compressed(names));
  for (const [number, name] of names.entries()) expect(order.numbers(name)).toContain(number);
  expect(order.numbers('nothing')).toEqual([]);
});

describe('damage', () => {
  const names = compressed(NAMES);
  const whole = entries(NAMES);

  /** Nothing is said of a name, or what is right: of several with a name some may be missing, but not all. */
  function expectRight(bytes: Uint8Array, asked: readonly string[]): void {
    const order = new NameOrder(wholeTable(bytes), names);
    for (const name of asked) {
      const found = order.numbers(name) ?? numbersOf(name);
      expect(numbersOf(name)).toEqual(expect.arrayContaining(found));
      expect(found.length > 0).toBe(numbersOf(name).length > 0);
    }
  }

  test('cut at any byte', () => {
    const bytes = table(whole);
    for (let length = 0; length < bytes.length; length += 13)
      expectRight(bytes.subarray(0, length), [NAMES[length % NAMES.length]!, 'nothing']);
  });

  test('any one entry is another number', () => {
    for (let rank = 0; rank < whole.length; rank += 3) {
      for (const number of [0, random.below(NAMES.length), NAMES.length, 0xffffff]) {
        const near = [-2, -1, 0, 1, 2].flatMap(apart => NAMES[whole[rank + apart] ?? 0]!);
        expectRight(table(whole.with(rank, number)), [...near, NAMES[number] ?? '', ...ABSENT]);
      }
    }
  });

  test('names in an order of its own, zeros, noise', () => {
    const orders = [
      [...whole].reverse(),
      [...NAMES.keys()],
      whole.map(() => 0),
      whole.map(() => random.below(700)),
    ];
    for (const numbers of orders) expectRight(table(numbers), [...NAMES.slice(0, 20), ...ABSENT]);
    expectRight(random.bytes(ENTRY_BYTES * NAMES.length), NAMES.slice(0, 20));
  });
});
