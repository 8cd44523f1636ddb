import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DumpFormatError } from '../../../../capture/errors.ts';
import { type DigestAlgorithm, damagedRegions } from '../../../../capture/kdump/format/digest.ts';
import { dump, MemorySource, machine, PAGE, pageOf } from '../fixture.ts';

const vmcore = machine([{ start: 0, end: 900 * PAGE }], pfn => pageOf(pfn % 3 ? 'noise' : 'zero', pfn));
const make = (digestAlgorithm: DigestAlgorithm) => {
  const { file, result } = dump(vmcore, { digestAlgorithm });
  return { bytes: file.bytes, digest: result.digest };
};

test('regions adjoin and have plain digests of their bytes', () => {
  const { bytes, digest } = make('sha256');
  let at = 0;
  for (const region of digest.regions) {
    expect(region.offset).toBe(at);
    at += region.sizeBytes;
    const sha256 = createHash('sha256').update(bytes.subarray(region.offset, at)).digest('hex');
    expect(region.digest).toBe(sha256);
  }
  expect(at).toBe(bytes.length);
});

test.each(['sha256', 'crc32'] as const)(
  '%s: a whole file passes, a flipped bit names its region',
  algorithm => {
    const { bytes, digest } = make(algorithm);
    expect(damagedRegions(new MemorySource(bytes), digest)).toEqual([]);
    for (const { name, offset, sizeBytes } of digest.regions) {
      for (const at of [offset, offset + sizeBytes - 1]) {
        bytes[at] ^= 4;
        expect(damagedRegions(new MemorySource(bytes), digest)).toEqual([name]);
        bytes[at] ^= 4;
      }
    }
  },
);

test('a file one byte short, or cut in the descriptors', () => {
  const { bytes, digest } = make('crc32');
  expect(damagedRegions(new MemorySource(bytes.subarray(0, -1)), digest)).toEqual(['data']);
  const cut = digest.regions[1].offset + 5;
  expect(damagedRegions(new MemorySource(bytes.subarray(0, cut)), digest)).toEqual(['descriptors', 'data']);
});

test('without a digest sizes are still checked', () => {
  const { bytes, digest } = make('none');
  expect(damagedRegions(new MemorySource(bytes), digest)).toEqual([]);
  expect(damagedRegions(new MemorySource(bytes.subarray(0, -1)), digest)).toEqual(['data']);
});

test('regions of a manifest that do not adjoin are refused', () => {
  const { bytes, digest } = make('crc32');
  const regions = digest.regions.map(region => ({ ...region, offset: region.offset + 1 }));
  expect(() => damagedRegions(new MemorySource(bytes), { ...digest, regions })).toThrow(DumpFormatError);
});
