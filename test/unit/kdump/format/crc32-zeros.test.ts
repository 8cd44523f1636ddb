import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { crc32Zeros } from '../../../../capture/kdump/format/crc32-zeros.ts';
import { openDigest } from '../../../../capture/kdump/format/digest.ts';

test.each([0, 1, 2, 3, 7, 8, 255, 4096, 65_536, 1_000_003])('after %i zeros', lengthBytes => {
  const zeros = new Uint8Array(lengthBytes);
  for (const start of [0, 1, 0x8000_0000, 0xffff_ffff, crc32('kdumpling')])
    expect(crc32Zeros(start, lengthBytes)).toBe(crc32(zeros, start));
});

test('takes no longer for terabytes, and is the same in two steps', () => {
  const once = crc32Zeros(12345, 2 ** 45 + 2 ** 33 + 5);
  expect(crc32Zeros(crc32Zeros(12345, 2 ** 45), 2 ** 33 + 5)).toBe(once);
});

test.each(['crc32', 'sha256', 'none'] as const)('%s of zeros is that of their bytes', algorithm => {
  const [one, other] = [openDigest(algorithm), openDigest(algorithm)];
  for (const digest of [one, other]) digest.update(Buffer.from('head'));
  one.zeros(3_000_001);
  other.update(new Uint8Array(3_000_001));
  for (const digest of [one, other]) digest.update(Buffer.from('tail'));
  expect(one.finish()).toBe(other.finish());
});
