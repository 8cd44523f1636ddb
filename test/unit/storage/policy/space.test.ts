import { describe, expect, test } from 'vitest';
import { AMOUNT_PATTERN, amountBytes } from '../../../../capture/options/amount.ts';
import { EPILOGUE_BYTES, readSpace, roomIn } from '../../../../capture/storage/policy/space.ts';

const MIB = 2 ** 20;

test.each([
  ['0', 0],
  ['1', 1],
  ['512K', 512 * 1024],
  ['64M', 64 * MIB],
  ['2G', 2048 * MIB],
  ['0%', 0],
  ['5%', 50],
  ['99%', 990],
])('%s of 1000 bytes is %i', (amount, bytes) => {
  expect(AMOUNT_PATTERN.test(amount)).toBe(true);
  expect(amountBytes(amount, 1000)).toBe(bytes);
});

test.each(['', '-1', '1.5G', '100%', '64MB', 'M', ' 1', '1e3'])('%j is no amount', amount => {
  expect(AMOUNT_PATTERN.test(amount)).toBe(false);
});

describe('the room for a dump', () => {
  const space = (freeMib: number, availableMib: number) => ({
    totalBytes: 1000 * MIB,
    freeBytes: freeMib * MIB,
    availableBytes: availableMib * MIB,
    freeInodes: 10,
  });
  const kept = 64 * MIB + EPILOGUE_BYTES;

  test.each([
    ['both are there', space(300, 250), '64M', { users: 250 * MIB - kept, root: 300 * MIB - kept }],
    ['only what is set aside for root', space(100, 50), '64M', { users: 0, root: 100 * MIB - kept }],
    ['just what is kept free', space(65, 65), '64M', { users: 0, root: 0 }],
    ['a byte is not negative room', space(0, 0), '64M', { users: 0, root: 0 }],
    ['a share is of the whole file system', space(300, 250), '10%', { users: 149 * MIB, root: 199 * MIB }],
  ] as const)('%s', (_, given, keepFree, room) => expect(roomIn(given, keepFree)).toEqual(room));

  test('no file is larger than the file system has them', () =>
    expect(roomIn(space(300, 250), '0', 1000)).toEqual({ users: 1000, root: 1000 }));
  test('what is not known is no limit', () =>
    expect(roomIn(undefined, '64M').root).toBe(Number.POSITIVE_INFINITY));
});

test('this file system has some', () => {
  const { totalBytes, freeBytes, availableBytes } = readSpace('/');
  expect(totalBytes).toBeGreaterThan(freeBytes);
  expect(freeBytes).toBeGreaterThanOrEqual(availableBytes);
});
