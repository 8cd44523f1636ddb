/** Which pages a dump keeps: all that the vmcore holds, except those that the dump level leaves out. */
import { counted, describeError } from '../errors.ts';
import type { KernelMemory } from '../kernel/memory.ts';
import { decodePageLayout } from '../kernel/page-layout.ts';
import { memmapRanges } from '../kernel/sections.ts';
import type { Vmcore } from '../vmcore/open.ts';
import { type PfnRange, pfnRanges } from '../vmcore/segments.ts';
import { Bitmap } from './bitmap.ts';
import { PageClassifier } from './classify.ts';
import { needsMemmap } from './dump-level.ts';
import { walkMemmap } from './memmap-walk.ts';
import { excludedClasses, PageClass, type PageClassName, type PagesByClass } from './page-class.ts';

/** Bitmaps of 64 TiB of memory in pages of 4 KiB. More is damage. */
const MOST_BITMAP_BYTES = 2 ** 31;

export interface DumpPlan {
  /** Second bitmap of the dump: the pages to keep, including zero pages, which are found when they are read. */
  readonly bitmap2: Bitmap;
  /** Pages by class, kept or not; undefined when the memmap was not read. */
  readonly pages: PagesByClass | undefined;
  /** The machine had memory that the dump cannot have, so the dump is incomplete. */
  readonly lacksMemory: boolean;
  readonly warnings: readonly string[];
}

export interface PlanEvents {
  /** Called every few megabytes of memmap with the pages classified so far. What it throws, `planDump` throws. */
  readonly onProgress?: (pagesDone: number, pagesTotal: number) => void;
  /** Returns zeroed memory for the bitmap, the only thing that grows with the machine. Throws RangeError when it is out of memory. */
  readonly allocate?: (sizeBytes: number) => Uint8Array;
}

/** Degradable: where the crashed kernel's memory is damaged more is kept, with a warning. */
export function planDump(
  { vmcore, memory }: { vmcore: Vmcore; memory: KernelMemory | undefined },
  level: number,
  events: PlanEvents = {},
): DumpPlan {
  const warnings: string[] = [];
  const held = heldPages(vmcore, warnings, events);
  const { ranges, bitmap2, lacksMemory } = held;
  // Broken and unplugged memory is left out at every level, as makedumpfile does, if vmcoreinfo shows how to recognize it.
  const knowsBroken = vmcore.vmcoreinfo.number('PG_hwpoison') !== undefined;
  if (!needsMemmap(level) && !knowsBroken) {
    return { bitmap2, pages: undefined, lacksMemory, warnings };
  }
  const pages = memory ? filterPages(vmcore, memory, held, level, warnings, events) : undefined;
  if (pages) return { bitmap2, pages, lacksMemory, warnings };
  keepAll(bitmap2, ranges);
  warnings.push(
    needsMemmap(level)
      ? `dump level ${level} is not possible: only zero pages are left out`
      : 'broken and offline memory cannot be recognized: it is read and kept',
  );
  return { bitmap2, pages: undefined, lacksMemory, warnings };
}

/** Clears the bits of pages that the level leaves out. Undefined when no page can be classified; `warnings` tells why. */
function filterPages(
  vmcore: Vmcore,
  memory: KernelMemory,
  { ranges, bitmap2, wasFiltered }: HeldPages,
  level: number,
  warnings: string[],
  events: PlanEvents,
): PagesByClass | undefined {
  const { layout, warnings: layoutWarnings } = decodePageLayout(vmcore.vmcoreinfo);
  // Levels 0 and 1 keep these classes anyway.
  if (needsMemmap(level)) warnings.push(...layoutWarnings);
  if (!layout) return undefined;
  const classifier = new PageClassifier(layout, bitmap2, level);
  const pagesTotal = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  let interrupted: unknown;
  try {
    const memmap = memmapRanges(memory, vmcore.vmcoreinfo, layout.structBytes, ranges, warnings);
    const walk = walkMemmap(vmcore, memory, memmap, layout.structBytes, classifier, pagesDone => {
      try {
        events.onProgress?.(pagesDone, pagesTotal);
      } catch (error) {
        interrupted = error;
        throw error;
      }
    });
    if (walk.pagesUnreadable > 0) {
      warnings.push(
        `${counted(walk.pagesUnreadable, 'page')} kept because the struct page cannot be read: ${walk.firstFailure}`,
      );
    }
    if (walk.pagesSeen === 0) {
      warnings.push('the memmap covers no page of memory');
      return undefined;
    }
    if (classifier.invalidOrders > 0) {
      warnings.push(
        `${counted(classifier.invalidOrders, 'block')} of pages kept because the size is impossible`,
      );
    }
    warnings.push(...unseenPages(walk.pagesSeen, pagesTotal));
    // Classes that an earlier filter left out are empty.
    if (!wasFiltered) warnings.push(...emptyClasses(classifier.counts, level));
    return classifier.counts;
  } catch (error) {
    if (interrupted !== undefined) throw interrupted;
    warnings.push(describeError(error));
    return undefined;
  }
}

const NEVER_EMPTY = ['kernel', 'free', 'cache', 'user'] as const satisfies readonly PageClassName[];

/** Memory without a memmap: a sign that the filter went wrong. */
function unseenPages(pagesSeen: number, pagesTotal: number): string[] {
  if (pagesSeen >= pagesTotal / 2) return [];
  return [`the memmap covers only ${pagesSeen} of ${pagesTotal} pages: the rest is kept`];
}

/** An empty class that no running machine lacks: a sign that the filter went wrong. */
function emptyClasses(pages: PagesByClass, level: number): string[] {
  const texts: string[] = [];
  const excluded = excludedClasses(level);
  for (const name of NEVER_EMPTY) {
    const asked = name === 'kernel' || excluded[PageClass[name]] !== 0;
    if (asked && pages[name] === 0) {
      texts.push(
        `the filter found no ${name} pages, but every running machine has some: do not trust the dump`,
      );
    }
  }
  return texts;
}

interface HeldPages {
  readonly ranges: readonly PfnRange[];
  readonly bitmap2: Bitmap;
  readonly lacksMemory: boolean;
  /** The file lacks memory of its PT_LOADs by design: an earlier filter left it out. */
  readonly wasFiltered: boolean;
}

/**
 * The pages that the vmcore holds. A page of a PT_LOAD without a byte in the file is left out, as makedumpfile does when it
 * filters a filtered ELF core again: it must not turn into a zero page.
 */
function heldPages(vmcore: Vmcore, warnings: string[], { allocate }: PlanEvents): HeldPages {
  const { segments } = vmcore.segments;
  const announced = pfnRanges(segments, vmcore.pageSizeBytes);
  const held = pfnRanges(segments, vmcore.pageSizeBytes, 'file');
  const bitmap2 = largestBitmap(announced, held, vmcore.pageSizeBytes, allocate);
  const max_mapnr = bitmap2.sizeBits;
  const ranges = below(held, max_mapnr);
  const end = announced.at(-1)?.end ?? 0;
  if (end > max_mapnr) {
    warnings.push(`memory above page ${max_mapnr} is left out: the PT_LOADs go to page ${end}`);
  }
  const missing = pagesIn(below(announced, max_mapnr)) - pagesIn(ranges);
  keepAll(bitmap2, ranges);
  const lacksMemory = vmcore.lacksMemory === true || end > max_mapnr;
  return { ranges, bitmap2, lacksMemory, wasFiltered: missing > 0 };
}

/** For the pages of as many ranges, from the first on, as there is memory for. */
function largestBitmap(
  announced: readonly PfnRange[],
  held: readonly PfnRange[],
  blockBytes: number,
  allocate: PlanEvents['allocate'],
): Bitmap {
  const ranges = [...announced];
  for (;;) {
    const max_mapnr = ranges.at(-1)?.end ?? 0;
    try {
      const limits = { blockBytes, allocate, mostBytes: MOST_BITMAP_BYTES };
      return Bitmap.over(below(held, max_mapnr), max_mapnr, limits);
    } catch (error) {
      // V8's way to report that it is out of memory. One PT_LOAD with a wrong address must not cost the dump.
      if (!(error instanceof RangeError) || ranges.length === 0) throw error;
      ranges.pop();
    }
  }
}

/** `max_mapnr` is the end of a range, of announced pages, which no held one crosses. */
function below(ranges: readonly PfnRange[], max_mapnr: number): readonly PfnRange[] {
  return ranges.filter(({ start }) => start < max_mapnr);
}

function pagesIn(ranges: readonly PfnRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

function keepAll(bitmap2: Bitmap, ranges: readonly PfnRange[]): void {
  for (const { start, end } of ranges) bitmap2.setRange(start, end);
}
