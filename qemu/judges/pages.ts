/**
 * Are the right pages in the dump? pages.py finds the kernel's own class of each page of the raw vmcore (drgn, debug
 * symbols). This compares the classes with the pages that the dump holds at its level: none lost, none too many.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tool } from '../../build/fetch/tools.ts';
import { readDumpMap } from './dump-map.ts';
import { pythonScript, runPython } from './python.ts';

/** In the order of their numbers in pages.py. */
export const PAGE_CLASSES = [
  'absent',
  'kernel',
  'free',
  'cache',
  'cachePrivate',
  'user',
  'hwpoison',
  'offline',
] as const;
export type PageClass = (typeof PAGE_CLASSES)[number];
const CLASS_BITS = 0x7f;
const ZERO_BIT = 0x80;

/** Bits of the dump level that leave out a class (makedumpfile(8), -d). */
const LEFT_OUT_BY: Readonly<Partial<Record<PageClass, number>>> = {
  cache: 2 | 4,
  cachePrivate: 4,
  user: 8,
  free: 16,
};
/** Left out at every level: poisoned memory must not be read, and offline memory has no content. */
const NEVER_KEPT: readonly PageClass[] = ['hwpoison', 'offline'];
/** With any of these bits makedumpfile reads struct pages. Without, it reads them only where PG_hwpoison exists. */
const LOOKS_AT_PAGES = 2 | 4 | 8 | 16;
const NAMED_PAGES = 20;

/** The classes of the pages of one raw vmcore. */
export interface KernelPages {
  readonly release: string;
  readonly maxPfn: number;
  readonly hwpoisonKnown: boolean;
  /** Number of pages of each class, and how many of them are all zeros. */
  readonly classes: Readonly<Record<PageClass, number>>;
  readonly zero: Readonly<Record<PageClass, number>>;
  /** Pages that are free by the allocator's lists and not by their struct page, or the other way round. */
  readonly freeListsUnlikeMemmap: readonly number[];
  readonly problems: readonly string[];
  readonly seconds: number;
  classOf(pfn: number): PageClass;
  isZero(pfn: number): boolean;
  readonly vmcore: string;
  readonly vmlinux: string;
}

/** A page that the dump should have and lacks, or has and should lack. */
export interface PageDifference {
  readonly pfn: number;
  readonly kind: PageClass | 'zero';
  /** Its struct page; only for the first differences. */
  readonly page?: Readonly<Record<string, unknown>>;
}

export interface PagesVerdict {
  readonly passed: boolean;
  readonly problems: readonly string[];
  readonly needed: readonly PageDifference[];
  readonly droppable: readonly PageDifference[];
  readonly kept: number;
  readonly transcript: string;
  readonly seconds: number;
}

interface Report extends Omit<KernelPages, 'classOf' | 'isZero' | 'vmcore' | 'vmlinux'> {
  readonly described: readonly Readonly<Record<string, unknown>>[];
}

/** Classifies each page by the kernel's own types. Done once for a vmcore; judging dumps of it is then quick. */
export async function classifyPages(
  drgn: Tool,
  { vmcore, vmlinux, timeoutSeconds = 300 }: { vmcore: string; vmlinux: string; timeoutSeconds?: number },
): Promise<KernelPages> {
  const { report, classes } = await runPages(drgn, vmcore, vmlinux, [], timeoutSeconds);
  const { described: _, ...facts } = report;
  return {
    ...facts,
    vmcore,
    vmlinux,
    classOf: pfn => PAGE_CLASSES[(classes[pfn] ?? 0) & CLASS_BITS] ?? 'absent',
    isZero: pfn => ((classes[pfn] ?? 0) & ZERO_BIT) !== 0,
  };
}

/** Judges a dump of that vmcore. */
export async function judgePages(
  drgn: Tool,
  pages: KernelPages,
  { dump, level }: { dump: string; level: number },
): Promise<PagesVerdict> {
  const startedMs = Date.now();
  const map = readDumpMap(dump);
  const { needed, droppable } = comparePages(pages, map, level);
  const named = [...needed.slice(0, NAMED_PAGES), ...droppable.slice(0, NAMED_PAGES)];
  const described = await describePages(
    drgn,
    pages,
    named.map(({ pfn }) => pfn),
  );
  const withPage = (difference: PageDifference) => ({ ...difference, page: described.get(difference.pfn) });
  const problems = [
    ...pages.problems,
    ...(map.maxMapnr === pages.maxPfn
      ? []
      : [`the dump has ${map.maxMapnr} pages (max_mapnr), the vmcore ${pages.maxPfn}`]),
    ...summarize(needed, 'needed', 'lost'),
    ...summarize(droppable, 'droppable', 'kept'),
  ];
  return {
    passed: problems.length === 0,
    problems,
    needed: needed.map(withPage),
    droppable: droppable.map(withPage),
    kept: map.dataOffsets.length,
    transcript: named.map(difference => JSON.stringify(withPage(difference))).join('\n'),
    seconds: (Date.now() - startedMs) / 1000,
  };
}

/** Compares. A dump without zero pages keeps them as references to one shared page, which counts as left out. */
export function comparePages(
  pages: Pick<KernelPages, 'maxPfn' | 'hwpoisonKnown' | 'classOf' | 'isZero'>,
  map: { maxMapnr: number; has(pfn: number): boolean; dataOffsets: readonly number[] },
  level: number,
): { needed: PageDifference[]; droppable: PageDifference[] } {
  const needed: PageDifference[] = [];
  const droppable: PageDifference[] = [];
  const sharedZeros = (level & 1) === 1 ? sharedZeroOffset(pages, map) : undefined;
  let index = 0;
  for (let pfn = 0; pfn < Math.max(pages.maxPfn, map.maxMapnr); pfn++) {
    const kind = pages.classOf(pfn);
    const kept = map.has(pfn);
    const wanted = isWanted(kind, level, pages.hwpoisonKnown);
    if (wanted === true && !kept) needed.push({ pfn, kind });
    if (wanted === false && kept) droppable.push({ pfn, kind });
    if (!kept) continue;
    const offset = map.dataOffsets[index++];
    if (wanted && sharedZeros !== undefined && pages.isZero(pfn) && offset !== sharedZeros) {
      droppable.push({ pfn, kind: 'zero' });
    }
  }
  return { needed, droppable };
}

/** undefined: both are right. makedumpfile keeps offline pages when it has no other reason to read struct pages. */
function isWanted(kind: PageClass, level: number, hwpoisonKnown: boolean): boolean | undefined {
  if (kind === 'absent') return false;
  if (NEVER_KEPT.includes(kind)) {
    return hwpoisonKnown || (level & LOOKS_AT_PAGES) !== 0 ? false : undefined;
  }
  return (level & (LEFT_OUT_BY[kind] ?? 0)) === 0;
}

/** Offset of the first zero page's data, which all zero pages must share. */
function sharedZeroOffset(
  pages: Pick<KernelPages, 'isZero'>,
  map: { maxMapnr: number; has(pfn: number): boolean; dataOffsets: readonly number[] },
): number | undefined {
  let index = 0;
  for (let pfn = 0; pfn < map.maxMapnr; pfn++) {
    if (!map.has(pfn)) continue;
    if (pages.isZero(pfn)) return map.dataOffsets[index];
    index++;
  }
  return undefined;
}

/** `264 needed pages lost: 260 kernel (pfn 4096, 4097, …), 4 user (…)` */
function summarize(differences: readonly PageDifference[], what: string, how: string): string[] {
  if (differences.length === 0) return [];
  const kinds = Map.groupBy(differences, ({ kind }) => kind);
  const parts = [...kinds].map(([kind, found]) => {
    const some = found.slice(0, 5).map(({ pfn }) => `0x${pfn.toString(16)}`);
    return `${found.length} ${kind} (pfn ${some.join(', ')}${found.length > some.length ? ', …' : ''})`;
  });
  return [
    `${differences.length} ${what} page${differences.length === 1 ? '' : 's'} ${how}: ${parts.join(', ')}`,
  ];
}

async function describePages(
  drgn: Tool,
  { vmcore, vmlinux }: KernelPages,
  pfns: readonly number[],
): Promise<Map<number, Readonly<Record<string, unknown>>>> {
  if (pfns.length === 0) return new Map();
  const { report } = await runPages(drgn, vmcore, vmlinux, pfns, 300);
  return new Map(report.described.map(page => [page.pfn as number, page]));
}

async function runPages(
  drgn: Tool,
  vmcore: string,
  vmlinux: string,
  pfns: readonly number[],
  timeoutSeconds: number,
): Promise<{ report: Report; classes: Buffer }> {
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-pages-'));
  try {
    const out = join(scratch, 'classes');
    const args = [vmcore, vmlinux, out, pfns.join(',')];
    const report = await runPython<Report>(drgn, pythonScript('pages.py'), args, timeoutSeconds);
    return { report, classes: await readFile(out) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
