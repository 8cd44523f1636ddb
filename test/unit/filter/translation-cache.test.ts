/** Cached translations: exact for every address, with leaves and pages of any architecture. */
import { expect, test } from 'vitest';
import { LeafCache, NOT_MAPPED } from '../../../capture/filter/translation-cache.ts';
import type { Arch } from '../../../capture/kernel/arch/arch.ts';
import { KernelMemory } from '../../../capture/kernel/memory.ts';

/** Maps [start, end) to paddr, by leaves of `leafBytes`. */
interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  readonly paddr: number;
  readonly leafBytes: number;
}

function memoryOf(
  pageSizeBytes: number,
  largeLeafBytes: number,
  mappings: readonly Mapping[],
): { memory: KernelMemory; lookups: () => number } {
  let lookups = 0;
  const translate: Arch['translate'] = vaddr => {
    lookups++;
    const mapping = mappings.find(({ start, end }) => vaddr >= start && vaddr < end);
    if (!mapping) return undefined;
    const within = Number(vaddr - mapping.start);
    return { paddr: mapping.paddr + within, lengthBytes: mapping.leafBytes - (within % mapping.leafBytes) };
  };
  const arch: Arch = {
    name: 'test',
    pageShift: Math.log2(pageSizeBytes),
    pageSizeBytes,
    largeLeafBytes,
    pointers: { lowestHigh: 0xff00_0000, imageHigh: 0xffff_ffff },
    stackBytes: 16 << 10,
    translate,
    walk: () => undefined,
  };
  return { memory: new KernelMemory(arch, () => 0), lookups: () => lookups };
}

const IMAGE = 0xffffffff81000000n;
const paddrOf = (leaves: LeafCache, vaddr: bigint) =>
  leaves.paddrOf(Number(vaddr >> 32n), Number(vaddr & 0xffff_ffffn));

test.each([
  ['x86-64: 4 KiB and 2 MiB', 2 ** 12, 2 ** 21],
  ['pages of 16 KiB: 32 MiB', 2 ** 14, 2 ** 25],
  ['pages of 64 KiB: 512 MiB', 2 ** 16, 2 ** 29],
])('%s: every address has its own bytes, the last of a page too', (_, pageSizeBytes, largeLeafBytes) => {
  const large = IMAGE - (IMAGE % BigInt(largeLeafBytes));
  const small = 0xff11000000000000n;
  const { memory, lookups } = memoryOf(pageSizeBytes, largeLeafBytes, [
    { start: large, end: large + BigInt(largeLeafBytes), paddr: 2 ** 40, leafBytes: largeLeafBytes },
    { start: small, end: small + BigInt(pageSizeBytes), paddr: 2 ** 41, leafBytes: pageSizeBytes },
  ]);
  const leaves = new LeafCache(memory, undefined);
  for (const _again of [1, 2]) {
    for (const within of [0, 1, 7, 4095, 4097, pageSizeBytes - 3, pageSizeBytes - 1]) {
      expect(paddrOf(leaves, large + BigInt(within))).toBe(2 ** 40 + within);
      if (within < pageSizeBytes) expect(paddrOf(leaves, small + BigInt(within))).toBe(2 ** 41 + within);
    }
    expect(paddrOf(leaves, small + BigInt(pageSizeBytes))).toBe(NOT_MAPPED);
  }
  // The large leaf once; the small page and the hole behind it twice each.
  expect(lookups()).toBeLessThanOrEqual(5);
});

test('an address to avoid is not mapped', () => {
  const { memory } = memoryOf(4096, 2 ** 21, [
    { start: IMAGE, end: IMAGE + 4096n, paddr: 0, leafBytes: 4096 },
  ]);
  expect(paddrOf(new LeafCache(memory, { start: IMAGE, end: IMAGE + 1n }), IMAGE)).toBe(NOT_MAPPED);
});
