import { describe, expect, it, test } from 'vitest';
import { decodePageLayout } from '../../../capture/kernel/page-layout.ts';
import { decodeTypeTest, NEVER } from '../../../capture/kernel/page-type.ts';
import { Vmcoreinfo } from '../../../capture/vmcore/vmcoreinfo.ts';
import { GENERATIONS } from '../../support/memmap-builder.ts';
import { vmcoreinfoText } from '../../support/vmcore-builder.ts';

const [OLDEST, NEWEST] = [GENERATIONS[0]!.vmcoreinfo, GENERATIONS.at(-1)!.vmcoreinfo];

function decode(
  vmcoreinfo: Readonly<Record<string, string | number>>,
  changes: Readonly<Record<string, string | number | undefined>> = {},
) {
  const keys = Object.entries({ ...vmcoreinfo, ...changes }).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  return decodePageLayout(Vmcoreinfo.decode(vmcoreinfoText(Object.fromEntries(keys))));
}

describe('the layout of struct page', () => {
  it('follows vmcoreinfo', () => {
    expect(decode(OLDEST).layout).toMatchObject({
      structWords: 16,
      flags: 0,
      compoundHead: 2,
      mapping: 6,
      private: 10,
      pageType: 12,
      slabMask: 1 << 9,
      headMask: 1 << 16,
      maxFreeOrder: 10,
      compoundOrder: { word: 4, shift: 8 },
      hugetlbInTail: { word: 4, mask: 0xff, value: 2 },
      unaccepted: NEVER,
      lowestMapcount: -128,
    });
    expect(decode(NEWEST).layout).toMatchObject({
      compoundHead: 2,
      slabMask: 0,
      slab: { mask: 0xff000000 | 0, value: 0xf5000000 | 0 },
      compoundOrder: { word: 0, shift: 0 },
      lowestMapcount: 0xff000000 | 0,
    });
  });

  it.each([
    ['SIZE(page)', undefined],
    ['SIZE(page)', 0],
    ['SIZE(page)', 8],
    ['SIZE(page)', 63],
    ['SIZE(page)', 60],
    ['SIZE(page)', 4096],
    ['OFFSET(page.flags)', undefined],
    ['OFFSET(page.flags)', 9],
    ['OFFSET(page.flags)', 60],
    ['OFFSET(page.flags)', 64],
    ['OFFSET(page.flags)', 8],
    ['OFFSET(page.flags)', -8],
    ['OFFSET(page.compound_head)', undefined],
    ['OFFSET(page.compound_head)', 10],
    ['OFFSET(page.compound_head)', 24],
    ['OFFSET(page.mapping)', 40],
    ['OFFSET(page._mapcount)', 40],
  ])('is refused with %s=%s', (key, value) => {
    const { layout, warnings } = decode(OLDEST, { [key]: value });
    expect(layout).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('only zero pages can be left out')]);
  });

  const free = 'free pages are kept';
  const cache = 'cache pages are kept';
  const user = 'user pages are kept';
  const compound = 'only the first page of compound pages can be left out';
  it.each([
    ['NUMBER(PG_slab)', undefined, [free, cache, user]],
    ['NUMBER(PG_slab)', 64, [free, cache, user]],
    ['NUMBER(PG_slab)', -1, [free, cache, user]],
    ['NUMBER(PG_lru)', undefined, [cache]],
    ['NUMBER(PG_lru)', 32, [cache]],
    ['NUMBER(PG_private)', 'cut', [cache]],
    ['OFFSET(page.mapping)', 62, [cache, user]],
    ['OFFSET(page._mapcount)', 46, [free]],
    ['OFFSET(page.private)', 44, [free]],
    ['NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)', undefined, [free]],
    ['NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)', 0, [free]],
    ['NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)', -1, [free]],
    ['NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)', 12345, [free]],
    ['LENGTH(zone.free_area)', undefined, [free]],
    ['LENGTH(zone.free_area)', 0, [free]],
    ['LENGTH(zone.free_area)', 1000, [free]],
    ['NUMBER(PG_head_mask)', undefined, [compound]],
    ['NUMBER(PG_head_mask)', 3, [compound]],
    ['NUMBER(PG_head_mask)', 2 ** 32, [compound]],
    ['OFFSET(page.compound_order)', undefined, [compound]],
    ['OFFSET(page.compound_order)', 64, [compound]],
    ['NUMBER(PG_swapcache)', undefined, []],
    ['OFFSET(page.compound_dtor)', 64, []],
    ['NUMBER(HUGETLB_PAGE_DTOR)', 0, []],
    ['NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)', undefined, []],
  ])('loses a class with %s=%s', (key, value, lost) => {
    const { layout, warnings } = decode(OLDEST, { [key]: value });
    expect(warnings).toEqual(lost.map(text => expect.stringContaining(text)));
    if (lost.includes(free)) expect([layout!.buddy, layout!.unaccepted]).toEqual([NEVER, NEVER]);
    if (lost.includes(cache)) expect([layout!.lruMask, layout!.swapCacheMask]).toEqual([0, 0]);
    if (lost.includes(user)) expect(layout!.anonMask).toBe(0);
  });
});

describe('a page type', () => {
  const matches = (exported: number, word: number) => {
    const { mask, value } = decodeTypeTest(exported);
    return (word & mask) === value;
  };

  test.each([
    ['an inverted bit', ~0x80, [~0x80, ~0x280], [-1, 0, ~0x100, 0x7fffff7f, 0x8fffff7f | 0]],
    ['an inverted high bit', ~0x40000000, [~0x40000000, 0xbfff1234 | 0], [-1, 0, ~0x20000000, 0x3fffffff]],
    ['a number in the top byte', 0xf0 << 24, [0xf0 << 24, 0xf0ffffff | 0], [-1, 0, 0xf1 << 24, 0x70 << 24]],
  ])('is %s', (_, exported, yes, no) => {
    for (const word of yes) expect(matches(exported, word)).toBe(true);
    for (const word of no) expect(matches(exported, word)).toBe(false);
  });

  test('may be exported as an unsigned number', () => {
    expect(decodeTypeTest(0xf0000000)).toEqual(decodeTypeTest(0xf0 << 24));
  });

  test.each([
    undefined,
    0,
    1,
    -1,
    0x80,
    ~0x180,
    0x70 << 24,
    0xff << 24,
    0xf0000001,
    2 ** 32,
    -(2 ** 31) - 1,
    -(2 ** 31),
  ])('is not %s', exported => expect(decodeTypeTest(exported)).toBe(NEVER));
});
