/** Translations that are kept: each is what the page tables said, or none. */
import { describe, expect, it } from 'vitest';
import { RecentTranslations } from '../../../capture/kernel/recent-translations.ts';

const PAGE = 4096;
const LARGE = 2 * 2 ** 20;
const VADDR = 0xffff888000200000n;

const recent = () => new RecentTranslations({ pageShift: 12, pageSizeBytes: PAGE, largeLeafBytes: LARGE });

describe('RecentTranslations', () => {
  it('keeps a page, from its first byte to its last, and nothing beside it', () => {
    const kept = recent();
    kept.add(VADDR + 0x1234n, { paddr: 0x5234, lengthBytes: PAGE - 0x234 });
    expect(kept.find(VADDR + 0x1000n)).toEqual({ paddr: 0x5000, lengthBytes: PAGE });
    expect(kept.find(VADDR + 0x1fffn)).toEqual({ paddr: 0x5fff, lengthBytes: 1 });
    expect([kept.find(VADDR + 0xfffn), kept.find(VADDR + 0x2000n)]).toEqual([undefined, undefined]);
  });

  it('keeps of a large leaf what one entry of its level maps', () => {
    const kept = recent();
    const within = 0x123456;
    kept.add(VADDR + BigInt(within), { paddr: 2 ** 40 + within, lengthBytes: 2 ** 30 - within });
    expect(kept.find(VADDR)).toEqual({ paddr: 2 ** 40, lengthBytes: LARGE });
    expect(kept.find(VADDR + BigInt(LARGE - 1))).toEqual({ paddr: 2 ** 40 + LARGE - 1, lengthBytes: 1 });
    expect([kept.find(VADDR - 1n), kept.find(VADDR + BigInt(LARGE))]).toEqual([undefined, undefined]);
  });

  it('keeps no more than is mapped', () => {
    const kept = recent();
    kept.add(VADDR, { paddr: 0x4000_0000, lengthBytes: 3 * PAGE });
    expect(kept.find(VADDR + 0x2fffn)).toEqual({ paddr: 0x4000_2fff, lengthBytes: 1 });
    expect(kept.find(VADDR + 0x3000n)).toBeUndefined();
  });

  it('is right when addresses share a slot', () => {
    const kept = recent();
    const paddrs = new Map<bigint, number>();
    for (let i = 0; i < 2000; i++) {
      const vaddr = VADDR + BigInt((i * 7919) % 100_000) * BigInt(PAGE);
      paddrs.set(vaddr, i * PAGE);
      kept.add(vaddr, { paddr: i * PAGE, lengthBytes: PAGE });
    }
    const found = [...paddrs].filter(([vaddr]) => kept.find(vaddr) !== undefined);
    expect(found.length).toBeGreaterThan(100);
    expect(found.filter(([vaddr, paddr]) => kept.find(vaddr)?.paddr !== paddr)).toEqual([]);
  });

  it('has nothing at first, nor after it was cleared; nor for what is no address', () => {
    const kept = recent();
    expect([0n, -1n, VADDR, 2n ** 64n].map(vaddr => kept.find(vaddr))).toEqual(Array(4).fill(undefined));
    kept.add(VADDR, { paddr: 0, lengthBytes: PAGE });
    kept.clear();
    expect(kept.find(VADDR)).toBeUndefined();
  });
});
