import { describe, expect, test } from 'vitest';
import { callerByLink } from '../../../../capture/autopsy/unwind/arm64-link.ts';

const FUNCTIONS = [
  { name: 'leaf', address: 0x1000n },
  { name: 'caller', address: 0x2000n },
  { name: 'leaf.cold', address: 0x3000n },
  { name: 'next', address: 0x4000n },
];
const SYMBOLS = {
  isText: (address: bigint) => address >= 0x1000n && address < 0x5000n,
  at: (address: bigint) => FUNCTIONS.findLast(one => one.address <= address),
} as unknown as Parameters<typeof callerByLink>[0];

const PAC = 0xff00_0000_0000_0000n;
const link = (pc: bigint, x30: bigint, inRecord = 0x4444n) =>
  callerByLink(SYMBOLS, { pc, x30 }, address => address & ~PAC, inRecord);

describe('the link register', () => {
  test('has the caller of a function without a record', () => {
    expect(link(0x1010n, 0x2040n)).toBe(0x2040n);
    expect(link(0x1010n, 0x2040n | PAC)).toBe(0x2040n);
  });

  test('has a caller that ends with its call', () => {
    expect(link(0x1010n, 0x3000n)).toBe(0x3000n);
  });

  test.each<[string, bigint, bigint, bigint?]>([
    ['an address of the function itself, behind a call that it made', 0x1010n, 0x1008n],
    ['one of its other part', 0x3010n, 0x1008n],
    ['what the record has', 0x1010n, 0x2040n, 0x2040n],
    ['no code', 0x1010n, 0x9000n],
    ['nothing', 0x1010n, 0n],
  ])('is no caller with %s', (_, pc, x30, inRecord) => {
    expect(link(pc, x30, inRecord)).toBeUndefined();
  });

  test('says nothing of code outside of the kernel', () => {
    expect(link(0x9000n, 0x2040n)).toBeUndefined();
    expect(callerByLink(SYMBOLS, {}, address => address, 0n)).toBeUndefined();
  });
});
