import { describe, expect, test } from 'vitest';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import { reachablePages } from '../../../capture/filter/reach.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { IMAGE_PADDR, IMAGE_VADDR, KernelBuilder } from '../../support/kernel-builder.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const IMAGE_PFN = IMAGE_PADDR / 4096;
/** Pages of the direct map that nothing else uses. */
const [NEAR, NEXT, FAR, STRAY] = [0x900, 0x910, 0x920, 0x930];
const VMALLOC = { 4: 0xffffc90000000000n, 5: 0xffa0000000000000n };

/**
 * A kernel whose data lead to NEAR, and that to NEXT, and that to FAR; STRAY is led to by nothing. The image is mapped by
 * pages, which are data: the builder maps nothing executable.
 */
function kernel(levels: 4 | 5, change?: (builder: KernelBuilder) => void) {
  const builder = new KernelBuilder({ levels, vmcoreinfo: { 'SYMBOL(_stext)': IMAGE_VADDR.toString(16) } });
  const { memory, directMap } = builder;
  for (let pfn = 0; pfn < 4; pfn++)
    builder.map(IMAGE_VADDR + BigInt(pfn * 4096), IMAGE_PADDR + pfn * 4096, 'page');
  for (const start of [NEAR, NEXT, FAR, STRAY])
    for (let pfn = start; pfn < start + 4; pfn++) memory.page(pfn);
  const point = (from: number, to: number) => memory.u64(from + 0x808, directMap + BigInt(to));
  point(IMAGE_PADDR + 0x3000, NEAR * 4096 + 0x40);
  point(NEAR * 4096, NEXT * 4096);
  point(NEXT * 4096, FAR * 4096);
  change?.(builder);
  const vmcore = openVmcore(new MemorySource(builder.build()));
  const bitmap2 = Bitmap.create(0x4000);
  bitmap2.setRange(0, 0x4000);
  return { vmcore, bitmap2 };
}

function reached(given: ReturnType<typeof kernel>, mostPages = 10_000) {
  const order = reachablePages(given.vmcore, { bitmap2: given.bitmap2, mostPages });
  const pages = Bitmap.create(0x4000);
  for (const pfn of order) pages.set(pfn);
  expect(pages.count()).toBe(order.length);
  return pages;
}
const held = (pages: Bitmap) => [NEAR, NEXT, FAR, STRAY].map(pfn => pages.has(pfn));

describe.each([4, 5] as const)('%i levels', levels => {
  test('what the image leads to, and no more', () => {
    const pages = reached(kernel(levels));
    expect(held(pages)).toEqual([true, true, true, false]);
    for (let pfn = 0; pfn < 4; pfn++) expect(pages.has(IMAGE_PFN + pfn)).toBe(true);
  });

  test('the nearest first, and no more than asked for', () => {
    const given = kernel(levels);
    const all = reached(given).count();
    for (let most = 1; most <= all; most++) {
      const pages = reached(given, most);
      expect(pages.count()).toBe(most);
      expect(held(pages).map(Number)).toEqual(
        held(pages)
          .map(Number)
          .toSorted((a, b) => b - a),
      );
    }
  });

  test('the page tables that are read on the way', () => {
    const vmalloc = VMALLOC[levels];
    const given = kernel(levels, builder => {
      builder.map(vmalloc, STRAY * 4096, 'page');
      builder.memory.u64(IMAGE_PADDR + 0x3100, vmalloc + 8n);
    });
    const pages = reached(given);
    expect(pages.has(STRAY)).toBe(true);
    // Three pages from STRAY on, and the tables of three levels or four.
    expect(pages.count()).toBe(reached(kernel(levels)).count() + 3 + levels - 1);
  });
});

describe('code', () => {
  /** Pages of the image that are code, behind its data. */
  const TEXT = IMAGE_PFN + 0x100;
  const TEXT_VADDR = IMAGE_VADDR + 0x100000n;
  const given = (pointsFrom: number) =>
    kernel(5, builder => {
      for (let i = 0; i < 8; i++) {
        builder.memory.page(TEXT + i);
        builder.map(TEXT_VADDR + BigInt(i * 4096), (TEXT + i) * 4096, 'page', 'text');
      }
      builder.memory.u64(pointsFrom + 0x900, TEXT_VADDR + 0x4123n);
      builder.memory.u64((TEXT + 4) * 4096, builder.directMap + BigInt(STRAY * 4096));
    });
  const orderOf = ({ vmcore, bitmap2 }: ReturnType<typeof kernel>) =>
    reachablePages(vmcore, { bitmap2, mostPages: 10_000 });
  const text = (order: readonly number[]) => order.filter(pfn => pfn >= TEXT && pfn < TEXT + 8);

  test('comes last, where only the image leads to it, and leads nowhere', () => {
    const order = orderOf(given(IMAGE_PADDR));
    expect(order.slice(-8)).toEqual(Array.from({ length: 8 }, (_, i) => TEXT + i));
    expect(order).not.toContain(STRAY);
  });

  test('that something else leads to comes with it, and what is around it', () => {
    const order = orderOf(given(NEAR * 4096));
    expect(text(order)).toEqual([3, 4, 5, 6, 0, 1, 2, 7].map(i => TEXT + i));
    expect(order.indexOf(TEXT + 6)).toBeLessThan(order.indexOf(FAR));
  });
});

test('large things go on for pages behind the pointer; stacks do so page by page', () => {
  const given = kernel(5, builder => {
    for (let i = 0; i < 4; i++) builder.map(VMALLOC[5] + BigInt(i * 4096), (STRAY + 2 * i) * 4096, 'page');
    for (let pfn = STRAY; pfn < STRAY + 8; pfn++) builder.memory.page(pfn);
    builder.memory.u64(IMAGE_PADDR + 0x3100, VMALLOC[5]);
  });
  const pages = reached(given);
  expect([0, 1, 2, 3].map(i => pages.has(NEAR + i))).toEqual([true, true, true, false]);
  expect([0, 2, 4, 6].map(i => pages.has(STRAY + i))).toEqual([true, true, true, true]);
});

test('only pages of the dump', () => {
  const given = kernel(5);
  given.bitmap2.clear(NEXT);
  // NEXT itself is led to, is no page of the dump, and so leads to nothing.
  expect(held(reached(given))).toEqual([true, false, false, false]);
});

test.each([
  ['an error code', 0xffff_ffff_ffff_ffeen],
  ['a user’s address', 0x7f00_0000_0000n],
  ['an address that nothing is mapped at', 0xff12_3456_7890_1234n],
  ['one that is not canonical', 0xff80_0000_0000_0000n >> 4n],
])('%s leads nowhere', (_, word) => {
  const given = kernel(5, builder => builder.memory.u64(IMAGE_PADDR + 0x3100, word));
  expect(held(reached(given))).toEqual([true, true, true, false]);
});

test('without the image’s symbol there is nothing to begin with', () => {
  const builder = new KernelBuilder();
  const vmcore = openVmcore(new MemorySource(builder.build()));
  expect(() => reachablePages(vmcore, { bitmap2: Bitmap.create(16), mostPages: 9 })).toThrow(
    /find the kernel image/,
  );
});

test('an image that is mapped past the last page of the dump ends there', () => {
  const { vmcore } = kernel(5);
  const bitmap2 = Bitmap.create(IMAGE_PFN + 2);
  bitmap2.setRange(0, IMAGE_PFN + 2);
  const order = reachablePages(vmcore, { bitmap2, mostPages: 10_000 });
  expect(order).toEqual(expect.arrayContaining([IMAGE_PFN, IMAGE_PFN + 1]));
  expect(Math.max(...order)).toBe(IMAGE_PFN + 1);
});
