/** What it says was there was there: it may forget, and it never invents. */
import { expect, test } from 'vitest';
import { RecentAddresses } from '../../../capture/filter/recent-addresses.ts';
import { Random } from '../../support/random.ts';

test('an address of a page that was added, and no other', () => {
  const recent = new RecentAddresses(4096);
  const [high, low] = [0xffff8880, 0x12345678];
  expect(recent.has(high, low)).toBe(false);
  recent.add(high, low);
  expect(recent.has(high, low)).toBe(true);
  expect(recent.has(high, 0x12345fff)).toBe(true);
  expect(recent.has(high, 0x12346000)).toBe(false);
  expect(recent.has(high + 1, low)).toBe(false);
});

test.each([4096, 16384, 65536])('pages of %i bytes: never one that was not added', pageSizeBytes => {
  const recent = new RecentAddresses(pageSizeBytes);
  const words = new Uint32Array(new Random(3).bytes(1 << 18).buffer);
  const added = new Set<string>();
  const keyOf = (high: number, low: number) => `${high} ${Math.floor(low / pageSizeBytes)}`;
  let known = 0;
  for (let i = 0; i < words.length; i += 2) {
    // Few of each, so that pages come again.
    const [high, low] = [0xffff8000 + (words[i]! % 4), words[i + 1]! % (pageSizeBytes << 12)];
    if (recent.has(high, low)) {
      expect(added.has(keyOf(high, low))).toBe(true);
      known += 1;
    }
    recent.add(high, low);
    added.add(keyOf(high, low));
  }
  expect(known).toBeGreaterThan(100);
});
