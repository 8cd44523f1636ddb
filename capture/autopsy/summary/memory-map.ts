/**
 * What memory was used for, range by range: pages classified by their struct pages as the dump's filter does it, and which
 * of them the dump holds. On a large machine a part of each cell is looked at and stands for it.
 */

import { KernelError } from '../../errors.ts';
import { Bitmap } from '../../filter/bitmap.ts';
import { PageClassifier } from '../../filter/classify.ts';
import { walkMemmap } from '../../filter/memmap-walk.ts';
import type { Crash } from '../../kernel/crash.ts';
import { decodePageLayout } from '../../kernel/page-layout.ts';
import { memmapRanges } from '../../kernel/sections.ts';
import { type PfnRange, pfnRanges } from '../../vmcore/segments.ts';
import { hex } from '../hex.ts';
import { type MemoryCell, type MemoryMap, PAGE_USES, type PageUse } from './autopsy.ts';

export interface MapSize {
  /** Of all ranges together. */
  readonly cells: number;
  /** Looked at in each cell. */
  readonly pagesPerCell: number;
}

export const MAP_SIZE: MapSize = { cells: 240, pagesPerCell: 1 << 14 };
/** With more it is not a memory map, and no picture shows them. */
const MOST_RANGES = 64;

/** The dump levels that leave out one use each; level 0 leaves out poisoned and offline pages, as all of them do. */
const LEVELS = { poisoned: 0, free: 16, cache: 2 | 4, user: 8 } as const satisfies Partial<
  Record<PageUse, number>
>;

/** @throws KernelError when pages cannot be classified: without a memmap or its layout. */
export function readMemoryMap({ vmcore, memory }: Crash, size = MAP_SIZE): MemoryMap {
  const action = 'classify the pages of memory';
  const { layout, warnings } = decodePageLayout(vmcore.vmcoreinfo);
  if (!memory || !layout)
    throw new KernelError('NO_MEMMAP', {
      action,
      actual: warnings.join('; ') || "the crashed kernel's addresses cannot be translated",
    });
  const { pageSizeBytes } = vmcore;
  const ranges = largest(pfnRanges(vmcore.segments.segments, pageSizeBytes), MOST_RANGES);
  const parts = ranges.map(range => cellsOf(range, pagesIn(ranges), size));
  const looked = parts.flat().map(cell => cell.looked);
  const end = looked.at(-1)?.end ?? 0;
  /** The pages that are left out at a level. */
  const without = (level: number): Bitmap => {
    const bitmap = Bitmap.over(looked, end);
    for (const range of looked) bitmap.setRange(range.start, range.end);
    const memmap = memmapRanges(memory, vmcore.vmcoreinfo, layout.structBytes, looked, []);
    const classifier = new PageClassifier(layout, bitmap, level);
    const { pagesSeen, firstFailure } = walkMemmap(
      vmcore,
      memory,
      memmap,
      layout.structBytes,
      classifier,
      () => {},
    );
    if (pagesSeen > 0) return bitmap;
    throw new KernelError('NO_MEMMAP', {
      action,
      actual: firstFailure ?? 'the memmap covers no page of memory',
    });
  };
  const poisoned = without(LEVELS.poisoned);
  const kept = { free: without(LEVELS.free), cache: without(LEVELS.cache), user: without(LEVELS.user) };
  const held = pfnRanges(vmcore.segments.segments, pageSizeBytes, 'file');
  const sums = { uses: zeroUses(), held: zeroUses() };
  const shown = ranges.map((range, i) => ({
    start: hex(range.start * pageSizeBytes),
    end: hex(range.end * pageSizeBytes),
    pages: range.end - range.start,
    cells: parts[i]!.map(({ all, looked: { start, end } }) => {
      const uses = zeroUses();
      let heldPages = 0;
      const scale = (all.end - all.start) / (end - start);
      const isHeld = heldIn(held, start);
      for (let pfn = start; pfn < end; pfn++) {
        const use = useOf(pfn, poisoned, kept);
        uses[use]++;
        if (!isHeld(pfn)) continue;
        heldPages++;
        sums.held[use] += scale;
      }
      for (const use of PAGE_USES) sums.uses[use] += uses[use] * scale;
      return {
        pages: all.end - all.start,
        held: Math.round(heldPages * scale),
        uses: occurring(uses, scale),
      } satisfies MemoryCell;
    }),
  }));
  return { pageSizeBytes, ranges: shown, uses: occurring(sums.uses), held: occurring(sums.held) };
}

function useOf(
  pfn: number,
  poisoned: Bitmap,
  kept: Readonly<Record<'free' | 'cache' | 'user', Bitmap>>,
): PageUse {
  if (!poisoned.has(pfn)) return 'poisoned';
  if (!kept.free.has(pfn)) return 'free';
  if (!kept.cache.has(pfn)) return 'cache';
  return kept.user.has(pfn) ? 'kernel' : 'user';
}

interface Cell {
  readonly all: PfnRange;
  /** Its beginning. */
  readonly looked: PfnRange;
}

function cellsOf({ start, end }: PfnRange, allPages: number, { cells, pagesPerCell }: MapSize): Cell[] {
  const count = Math.min(end - start, Math.max(1, Math.round((cells * (end - start)) / allPages)));
  const size = Math.ceil((end - start) / count);
  return Array.from({ length: Math.ceil((end - start) / size) }, (_, i) => {
    const first = start + i * size;
    const last = Math.min(end, first + size);
    return {
      all: { start: first, end: last },
      looked: { start: first, end: Math.min(last, first + pagesPerCell) },
    };
  });
}

/** In their order. */
function largest(ranges: readonly PfnRange[], most: number): readonly PfnRange[] {
  if (ranges.length <= most) return ranges;
  const bySize = [...ranges].sort((a, b) => b.end - b.start - (a.end - a.start));
  return bySize.slice(0, most).sort((a, b) => a.start - b.start);
}

function pagesIn(ranges: readonly PfnRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** For ascending pages from `first` on. */
function heldIn(held: readonly PfnRange[], first: number): (pfn: number) => boolean {
  let low = 0;
  let high = held.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (held[middle]!.end <= first) low = middle + 1;
    else high = middle;
  }
  return pfn => {
    while (low < held.length && held[low]!.end <= pfn) low++;
    return low < held.length && held[low]!.start <= pfn;
  };
}

function zeroUses(): Record<PageUse, number> {
  return { kernel: 0, cache: 0, user: 0, free: 0, poisoned: 0 };
}

function occurring(uses: Readonly<Record<PageUse, number>>, scale = 1): Partial<Record<PageUse, number>> {
  return Object.fromEntries(
    PAGE_USES.flatMap(use => (uses[use] > 0 ? [[use, Math.max(1, Math.round(uses[use] * scale))]] : [])),
  );
}
