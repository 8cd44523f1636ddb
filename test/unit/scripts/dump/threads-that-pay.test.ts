import { expect, test } from 'vitest';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import {
  dependsOnPages,
  pagesToCompress,
  threadsAtOnce,
  threadsForPages,
} from '../../../../scripts/lib/dump/threads-that-pay.ts';

const [MIB, GIB] = [2 ** 20, 2 ** 30];

test.each([
  ['a vmcore whose pages are chosen before a thread is loaded', 1.1 * GIB, 8, 1],
  ['a larger one', 4 * GIB, 2, 2],
  ['many CPUs', 4 * GIB, 64, 4],
  ['one whose bitmap is too large to share', 300 * GIB, 8, 1],
  ['one CPU', 4 * GIB, 1, 1],
])('while the pages are chosen: %s', (_, bytes, cpus, threads) => {
  expect(threadsAtOnce(bytes, cpus)).toBe(threads);
});

/** A vmcore of 1.1 GB at level 31 and at level 1, and smaller ones. */
test.each([
  ['zstd', 26_000, 2],
  ['lzo', 26_000, 2],
  ['snappy', 26_000, 2],
  ['none', 26_000, 1],
  ['zlib', 26_000, 2],
  ['zstd', 5_000, 1],
  ['lzo', 10_000, 1],
  ['zlib', 1_000, 1],
  ['zstd', 318_000, 2],
  ['lzo', 318_000, 2],
  ['none', 318_000, 2],
] as const)('when they are chosen, by the work: %s, %i pages', (codec, pages, threads) => {
  expect(threadsForPages(pages, codec, 1100 * MIB, 2)).toBe(threads);
});

test('when they are chosen: a bitmap that is too large to share', () => {
  expect(threadsForPages(1e8, 'zlib', 300 * GIB, 2)).toBe(1);
});

test.each([
  [31, 0.25],
  [30, 1],
])('pages of zeros are not compressed at level %i', (dumpLevel, share) => {
  const bitmap2 = new Bitmap(new Uint8Array(1 << 12).fill(0xff), 1 << 15);
  const readAt = (into: Uint8Array, offset: number) => {
    if (offset % (1 << 20) === 0) throw new Error('EIO');
    into.fill(((offset >> 12) * 7) & 0x300 ? 0 : 7);
    return into.length;
  };
  const vmcore = {
    source: { readAt },
    segments: { fileOffset: (paddr: number) => paddr + 1 },
    pageSizeBytes: 4096,
  };
  const pages = pagesToCompress({ vmcore, bitmap2, dumpLevel } as never);
  expect(pages / (1 << 15)).toBeCloseTo(share, 1);
});

test('pages are counted in runs, not one by one', () => {
  const sizeBits = 1 << 20;
  const bitmap2 = new Bitmap(new Uint8Array(sizeBits / 8).fill(0xff), sizeBits);
  let steps = 0;
  const counted = new Proxy(bitmap2, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        steps++;
        return value.apply(target, args);
      };
    },
  });
  const vmcore = {
    source: { readAt: (into: Uint8Array) => into.fill(7).length },
    segments: { fileOffset: (paddr: number) => paddr },
    pageSizeBytes: 4096,
  };
  expect(pagesToCompress({ vmcore, bitmap2: counted, dumpLevel: 31 } as never)).toBe(sizeBits);
  expect(steps).toBeLessThan(2000);
});

test.each([
  [2 ** 30, 2, true],
  [2 ** 30, 1, false],
  [2 ** 40, 64, false],
])('a vmcore of %i bytes on %i CPUs: the pages decide: %s', (vmcoreBytes, cpus, depends) => {
  expect(dependsOnPages(vmcoreBytes, cpus)).toBe(depends);
});
