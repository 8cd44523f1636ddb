import { describe, expect, it, test } from 'vitest';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import { PageClassifier } from '../../../capture/filter/classify.ts';
import type { PageClassName } from '../../../capture/filter/page-class.ts';
import { decodePageLayout } from '../../../capture/kernel/page-layout.ts';
import { Vmcoreinfo } from '../../../capture/vmcore/vmcoreinfo.ts';
import {
  ANON_MAPPING,
  FILE_MAPPING,
  GENERATIONS,
  type Generation,
  STRUCT_BYTES,
  StructPages,
} from '../../support/memmap-builder.ts';
import { vmcoreinfoText } from '../../support/vmcore-builder.ts';

/** The struct pages' first pfn, which is aligned to any order used here. */
const FIRST = 8192;
const [OLDEST, NEWEST] = [GENERATIONS[0]!, GENERATIONS.at(-1)!];

function layoutOf({ vmcoreinfo }: Generation) {
  const { layout, warnings } = decodePageLayout(Vmcoreinfo.decode(vmcoreinfoText(vmcoreinfo)));
  expect(warnings).toEqual([]);
  return layout!;
}

interface Outcome {
  /** Runs of pages left out, by index. */
  out: [number, number][];
  counts: Partial<Record<PageClassName, number>>;
  invalidOrders: number;
}

function classify(
  pages: StructPages,
  level: number,
  pieces: (left: number) => number = left => left,
): Outcome {
  const count = pages.bytes.length / STRUCT_BYTES;
  const bitmap = Bitmap.create(FIRST + count);
  bitmap.setRange(FIRST, FIRST + count);
  const classifier = new PageClassifier(layoutOf(pages.generation), bitmap, level);
  for (let i = 0; i < count; ) {
    i = classifier.skipBlock(FIRST + i, FIRST + count) - FIRST;
    if (i === count) break;
    const piece = pieces(count - i);
    const held = Math.min(count - i, piece + 1);
    const words = pages.words.subarray((i * STRUCT_BYTES) / 4, ((i + held) * STRUCT_BYTES) / 4);
    const done = classifier.take(words, held, FIRST + i, piece);
    // What a reader does who has only one struct page: zeros stand for the second one.
    if (done === 0) {
      const padded = new Int32Array((2 * STRUCT_BYTES) / 4);
      padded.set(words);
      i += classifier.take(padded, 2, FIRST + i, 1);
    } else i += done;
  }
  const out: [number, number][] = [];
  for (let pfn = bitmap.nextClear(FIRST); pfn < FIRST + count; ) {
    const end = bitmap.nextSet(pfn);
    out.push([pfn - FIRST, end - FIRST]);
    pfn = bitmap.nextClear(end);
  }
  const counts = Object.fromEntries(Object.entries(classifier.counts).filter(([, pages]) => pages > 0));
  expect(Object.values(counts).reduce((a, b) => a + b, 0)).toBe(count);
  return { out, counts, invalidOrders: classifier.invalidOrders };
}

const make = (generation: Generation, count = 32) => new StructPages(generation, count);

describe.each(GENERATIONS)('struct page of $name', generation => {
  it('keeps pages without a class, page tables, and slabs whatever their other fields hold', () => {
    const pages = make(generation, 32)
      .slab(1, 0)
      .slab(8, 3)
      .set(20, { type: 'table', mapping: ANON_MAPPING });
    expect(classify(pages, 31)).toEqual({ out: [], counts: { kernel: 32 }, invalidOrders: 0 });
  });

  it.each([0, 1, 4])('leaves out free blocks of order %i whole', order => {
    const size = 2 ** order;
    const pages = make(generation).free(16, order);
    expect(classify(pages, 16)).toMatchObject({ out: [[16, 16 + size]], counts: { free: size } });
    expect(classify(pages, 15)).toMatchObject({ out: [], counts: { free: size, kernel: 32 - size } });
  });

  it('knows the largest free block, and no larger one', () => {
    const pages = make(generation, 2048).free(0, 10).free(1024, 11);
    expect(classify(pages, 16)).toEqual({
      out: [[0, 1024]],
      counts: { free: 1024, kernel: 1024 },
      invalidOrders: 1,
    });
  });

  it('keeps free blocks at an impossible place or with an absurd order', () => {
    const pages = make(generation)
      .free(2, 2)
      .set(8, { type: 'buddy', private: 1n << 32n })
      .set(12, { type: 'buddy', private: 0xffffffffffffffffn });
    expect(classify(pages, 16)).toMatchObject({ out: [], invalidOrders: 3 });
  });

  it('takes a page by its own fields in a run of pages that are alike', () => {
    const cache = { flags: ['lru'], mapping: FILE_MAPPING } as const;
    const others = [
      [{ ...cache, tail: true }, 'kernel'],
      [{ mapping: FILE_MAPPING }, 'kernel'],
      [{ ...cache, flags: ['lru', 'private'] }, 'privateCache'],
      [{ ...cache, flags: ['lru', 'hwpoison'] }, 'cache'],
      [{ ...cache, mapping: ANON_MAPPING }, 'user'],
      [{ ...cache, type: 'offline' }, 'offline'],
      [{ ...cache, type: 'buddy', private: 1n << 40n }, 'kernel'],
    ] as const;
    for (const [other, name] of others) {
      const pages = make(generation);
      for (let i = 0; i < 32; i++) pages.set(i, i === 17 ? other : cache);
      const { counts, out } = classify(pages, 31);
      expect(
        counts,
        JSON.stringify(other, (_, value) => `${value}`),
      ).toEqual(name === 'cache' ? { cache: 32 } : { cache: 31, [name]: 1 });
      expect(out).toEqual(
        name === 'kernel'
          ? [
              [0, 17],
              [18, 32],
            ]
          : [[0, 32]],
      );
    }
  });

  it('tells cache from private cache', () => {
    const pages = make(generation)
      .set(0, { flags: ['lru'], mapping: FILE_MAPPING, typeWord: 0 })
      .set(1, { flags: ['lru', 'private'], mapping: FILE_MAPPING })
      .set(2, { flags: ['lru', 'swapbacked'], mapping: FILE_MAPPING })
      .set(3, { flags: ['swapcache', 'swapbacked'], mapping: FILE_MAPPING })
      .set(4, { flags: ['swapcache'], mapping: FILE_MAPPING })
      .set(5, { flags: ['swapbacked'], mapping: FILE_MAPPING });
    expect(classify(pages, 2).out).toEqual([
      [0, 1],
      [2, 4],
    ]);
    expect(classify(pages, 4).out).toEqual([[0, 4]]);
    expect(classify(pages, 25)).toMatchObject({ out: [], counts: { cache: 3, privateCache: 1, kernel: 28 } });
  });

  it('takes large folios of a file by their head', () => {
    const pages = make(generation)
      .compound(0, 2, { flags: ['lru'], mapping: FILE_MAPPING })
      .compound(8, 3, { flags: ['lru', 'private'], mapping: FILE_MAPPING });
    expect(classify(pages, 2)).toMatchObject({ out: [[0, 4]], counts: { cache: 4, privateCache: 8 } });
    expect(classify(pages, 4).out).toEqual([
      [0, 4],
      [8, 16],
    ]);
  });

  it('takes anonymous pages for user data, on the LRU, in the swap cache or huge', () => {
    const pages = make(generation, 1024)
      .set(0, { flags: ['lru', 'swapbacked'], mapping: ANON_MAPPING, typeWord: 0 })
      .set(1, { flags: ['swapcache', 'swapbacked'], mapping: ANON_MAPPING, typeWord: 5 })
      .set(2, { mapping: ANON_MAPPING | 2n })
      .compound(512, 9, { flags: ['lru', 'swapbacked'], mapping: ANON_MAPPING });
    expect(classify(pages, 8)).toMatchObject({
      out: [
        [0, 3],
        [512, 1024],
      ],
      counts: { user: 515, kernel: 509 },
    });
    expect(classify(pages, 23).out).toEqual([]);
  });

  it('takes hugetlb pages for user data, in use or not', () => {
    const pages = make(generation, 1024).hugetlb(0, 9).hugetlb(512, 9, { mapping: FILE_MAPPING });
    expect(classify(pages, 8)).toMatchObject({ out: [[0, 1024]], counts: { user: 1024 } });
    expect(classify(pages, 16)).toMatchObject({ out: [], counts: { user: 1024 } });
  });

  it('keeps compound pages of the kernel with their tails', () => {
    const pages = make(generation).compound(16, 4, {});
    expect(classify(pages, 31)).toMatchObject({ out: [], counts: { kernel: 32 }, invalidOrders: 0 });
  });

  it('leaves out the head alone when its size cannot be', () => {
    const head = { flags: ['lru'], mapping: FILE_MAPPING } as const;
    const absurd = make(generation).compound(0, 2, head).order(0, 64);
    const unaligned = make(generation).compound(2, 2, head);
    const alone = make(generation).set(31, { flags: ['lru', 'head'], mapping: FILE_MAPPING });
    const denied = make(generation).compound(0, 2, head).set(1, {}).order(0, 2);
    expect(classify(absurd, 2)).toMatchObject({ out: [[0, 1]], invalidOrders: 1 });
    expect(classify(unaligned, 2)).toMatchObject({ out: [[2, 3]], invalidOrders: 1 });
    expect(classify(alone, 2)).toMatchObject({ out: [[31, 32]], invalidOrders: 1 });
    expect(classify(denied, 2)).toMatchObject({ out: [[0, 1]], invalidOrders: 1 });
  });

  it('leaves out offline and broken pages at every level that looks', () => {
    const pages = make(generation)
      .set(1, { type: 'offline' })
      .set(2, { flags: ['hwpoison'] })
      .set(3, { flags: ['hwpoison', 'lru'], mapping: FILE_MAPPING })
      .slab(4, 0);
    expect(classify(pages, 16)).toMatchObject({ out: [[1, 4]], counts: { offline: 1, hwpoison: 2 } });
    expect(classify(pages, 2)).toMatchObject({ out: [[1, 4]], counts: { cache: 1, hwpoison: 1 } });
  });

  it('finds the broken page in a block that is kept, and all of a hugetlb page', () => {
    const pages = make(generation, 64)
      .free(0, 3)
      .set(5, { flags: ['hwpoison'] })
      .compound(16, 4, { flags: ['lru'], mapping: ANON_MAPPING })
      .set(20, { flags: ['hwpoison'], tail: true })
      .hugetlb(32, 5, { flags: ['hwpoison'] });
    expect(classify(pages, 2).out).toEqual([
      [5, 6],
      [20, 21],
      [32, 64],
    ]);
    expect(classify(pages, 24).out).toEqual([
      [0, 8],
      [16, 64],
    ]);
  });

  it('comes to the same in pieces of any size', () => {
    const random = numbers(generation.name.length);
    const pages = assorted(generation, random);
    for (const level of [2, 4, 8, 16, 31]) {
      const whole = classify(pages, level);
      expect(whole.out.length).toBeGreaterThan(5);
      for (const size of [1, 2, 3, 7, 64, 1000])
        expect(classify(pages, level, left => Math.min(left, size))).toEqual(whole);
      expect(classify(pages, level, left => 1 + (random() % left))).toEqual(whole);
    }
  });
});

test.each([
  [0, []],
  [1, []],
  [2, ['cache']],
  [4, ['cache', 'privateCache']],
  [6, ['cache', 'privateCache']],
  [8, ['user']],
  [16, ['free']],
  [31, ['cache', 'privateCache', 'user', 'free']],
] as const)('level %i leaves out the classes of its bits', (level, classes) => {
  const pages = make(NEWEST, 6)
    .free(0, 0)
    .set(1, { flags: ['lru'] })
    .set(2, { flags: ['lru', 'private'] })
    .set(3, { mapping: ANON_MAPPING });
  const order = ['free', 'cache', 'privateCache', 'user'] as const;
  const left = classify(pages, level).out.flatMap(([start, end]) => order.slice(start, end));
  expect(left.sort()).toEqual([...classes].sort());
});

test('unaccepted memory is free in blocks of the largest order', () => {
  const pages = make(NEWEST, 2048).set(1024, { type: 'unaccepted' });
  expect(classify(pages, 16)).toMatchObject({ out: [[1024, 2048]], counts: { free: 1024 } });
  expect(classify(make(NEWEST).set(1, { type: 'unaccepted' }), 16)).toMatchObject({
    out: [],
    invalidOrders: 1,
  });
});

test('a tail whose head was never seen is kept', () => {
  const pages = make(OLDEST).set(0, { tail: true, flags: ['lru'], mapping: ANON_MAPPING, type: 'buddy' });
  expect(classify(pages, 31).out).toEqual([]);
});

test('a swap cache flag means nothing when PG_swapbacked is unknown', () => {
  const { 'NUMBER(PG_swapbacked)': _, ...vmcoreinfo } = OLDEST.vmcoreinfo;
  const pages = make({ ...OLDEST, vmcoreinfo }).set(0, {
    flags: ['swapcache', 'swapbacked'],
    mapping: FILE_MAPPING,
  });
  expect(classify(pages, 31).out).toEqual([]);
});

function assorted(generation: Generation, random: () => number): StructPages {
  const count = 4096;
  const pages = make(generation, count);
  for (let i = 0; i < count; ) {
    const most = i === 0 ? 9 : Math.min(9, 31 - Math.clz32(i & -i));
    const order = Math.min(random() % (most + 1), 31 - Math.clz32(count - i));
    const file = { flags: ['lru'], mapping: FILE_MAPPING } as const;
    switch (random() % 8) {
      case 0:
        pages.free(i, order);
        break;
      case 1:
        pages.slab(i, order);
        break;
      case 2:
        if (order > 0) pages.compound(i, order, file);
        else pages.set(i, file);
        break;
      case 3:
        if (order > 0) pages.compound(i, order, { ...file, flags: ['lru', 'private'] });
        break;
      case 4:
        if (order > 0) pages.compound(i, order, { flags: ['lru'], mapping: ANON_MAPPING });
        else pages.set(i, { mapping: ANON_MAPPING });
        break;
      case 5:
        if (order > 0) pages.hugetlb(i, order, { flags: random() % 2 ? ['hwpoison'] : [] });
        break;
      case 6:
        pages.set(i, { flags: ['hwpoison'] });
        break;
      default:
        pages.set(i, { type: 'offline' });
    }
    i += 2 ** order;
  }
  return pages;
}

/** A sequence that is the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
}
