/** What `mem` prints: the parts that were asked for, one after another. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { type HugePagePool, readHugePages } from '../../../capture/autopsy/memory/hugetlb.ts';
import { type MeminfoRow, readMeminfo } from '../../../capture/autopsy/memory/meminfo.ts';
import { readSlabCaches, type SlabCache } from '../../../capture/autopsy/memory/slab.ts';
import { readZones, type Zone } from '../../../capture/autopsy/memory/zones.ts';
import type { Findings } from '../../../capture/autopsy/problems.ts';
import { counted } from '../../../capture/errors.ts';
import { cell, columnLines } from './columns.ts';
import { chooseNamed } from './named.ts';
import type { Answer } from './print.ts';

export const MEMORY_PARTS = ['meminfo', 'slab', 'zones', 'buddy', 'hugetlb'] as const;
export type MemoryPart = (typeof MEMORY_PARTS)[number];

const SLAB_CACHES = { what: 'slab cache', listedBy: 'kdumpling mem --slab' };

const KIB = 1024;

/** What was found, by what it is called in the document. */
export interface MemoryFindings {
  readonly meminfo: readonly MeminfoRow[];
  readonly slab: readonly SlabCache[];
  readonly zones: readonly Zone[];
  readonly hugetlb: readonly HugePagePool[];
}

const PARTS: Readonly<Record<MemoryPart, (found: MemoryFindings) => Pick<Answer, 'lines' | 'data'>>> = {
  meminfo: ({ meminfo }) => ({
    lines: () => meminfoLines(meminfo),
    data: () => ({ meminfo: Object.fromEntries(meminfo.map(({ name, value }) => [name, value])) }),
  }),
  slab: ({ slab }) => ({
    lines: () => slabLines(slab),
    data: () => ({ slab: slab.map(slabData), slabTotals: slabTotals(slab) }),
  }),
  zones: ({ zones }) => ({ lines: () => zoneLines(zones), data: () => ({ zones: zones.map(zoneData) }) }),
  buddy: ({ zones }) => ({ lines: () => buddyLines(zones), data: () => ({ zones: zones.map(zoneData) }) }),
  hugetlb: ({ hugetlb }) => ({ lines: () => hugetlbLines(hugetlb), data: () => ({ hugetlb }) }),
};

/** @param caches names or addresses of the slab caches to show; none for all. @throws UsageError for one that is not there. */
export function memoryAnswer(
  kernel: DeadKernel,
  parts: readonly MemoryPart[],
  caches: readonly string[],
): Answer {
  const problems: string[] = [];
  const taken = <T>(wanted: readonly MemoryPart[], read: (kernel: DeadKernel) => Findings<T[]>): T[] => {
    if (!parts.some(part => wanted.includes(part))) return [];
    const answer = read(kernel);
    problems.push(...answer.problems);
    return answer.found;
  };
  const found = {
    meminfo: taken(['meminfo'], readMeminfo),
    slab: chooseNamed(taken(['slab'], readSlabCaches), caches, SLAB_CACHES),
    zones: taken(['zones', 'buddy'], readZones),
    hugetlb: taken(['hugetlb'], readHugePages),
  };
  return { problems, ...memoryText(found, parts) };
}

export function memoryText(
  found: MemoryFindings,
  parts: readonly MemoryPart[],
): Pick<Answer, 'lines' | 'data'> {
  const answers = parts.map(part => PARTS[part](found));
  return {
    data: () => Object.assign({}, ...answers.map(({ data }) => data())),
    lines: () => answers.flatMap(({ lines }, i) => (i === 0 ? lines() : ['', ...lines()])),
  };
}

/** As /proc/meminfo. */
function meminfoLines(rows: readonly MeminfoRow[]): string[] {
  return rows.map(
    ({ name, value, unit }) =>
      `${`${name}:`.padEnd(15)} ${String(value).padStart(8)}${unit === 'kB' ? ' kB' : ''}`,
  );
}

/** crash's `kmem -s`: the cache, its objects and slabs. */
function slabLines(caches: readonly SlabCache[]): string[] {
  const heads = ['CACHE', '>OBJSIZE', '>ALLOCATED', '>TOTAL', '>SLABS', '>SSIZE', 'NAME'];
  const rows = caches.map(({ address, objectBytes, usage, slabBytes, name }) => [
    addressDigits(address),
    String(objectBytes),
    cell(usage?.inUse),
    cell(usage?.objects),
    cell(usage?.slabs),
    `${slabBytes / KIB}k`,
    name,
  ]);
  return [...columnLines(heads, rows), slabTotalLine(caches)];
}

/** Over the caches of which the kernel has counts. */
function slabTotals(caches: readonly SlabCache[]) {
  const known = caches.flatMap(({ usage, slabBytes, sizeBytes }) =>
    usage ? [{ ...usage, bytes: usage.slabs * slabBytes, inUseBytes: usage.inUse * sizeBytes }] : [],
  );
  const sum = (of: (one: (typeof known)[number]) => number) =>
    known.reduce((total, one) => total + of(one), 0);
  return {
    caches: caches.length,
    counted: known.length,
    slabs: sum(({ slabs }) => slabs),
    bytes: sum(({ bytes }) => bytes),
    inUseBytes: sum(({ inUseBytes }) => inUseBytes),
  };
}

function slabTotalLine(caches: readonly SlabCache[]): string {
  const totals = slabTotals(caches);
  const [all, used] = [totals.bytes, totals.inUseBytes].map(bytes => Math.floor(bytes / KIB));
  const without = totals.caches - totals.counted;
  return [
    `${counted(totals.caches, 'slab cache')}: ${counted(totals.slabs, 'slab')} of ${all} KiB, ${used} KiB of them in objects in use`,
    ...(without > 0 ? [`${counted(without, 'cache')} without counts`] : []),
  ].join('; ');
}

function slabData({ address, objectBytes, sizeBytes, slabBytes, ...cache }: SlabCache) {
  return { ...cache, address: addressDigits(address), objectBytes, bytes: sizeBytes, slabBytes };
}

function zoneLines(zones: readonly Zone[]): string[] {
  const heads = ['>NODE', 'ZONE', '>FREE', '>MIN', '>LOW', '>HIGH', '>MANAGED', '>PRESENT', '>START_PFN'];
  const rows = zones.map(({ node, name, free, min, low, high, managed, present, startPfn }) =>
    [node, name, free, min, low, high, managed, present, startPfn].map(String),
  );
  return columnLines(heads, rows);
}

/** As /proc/buddyinfo, with the orders over the columns. */
function buddyLines(zones: readonly Zone[]): string[] {
  const orders = Math.max(0, ...zones.map(({ freeBlocks }) => freeBlocks.length));
  const heads = ['>NODE', 'ZONE', ...Array.from({ length: orders }, (_, order) => `>${order}`)];
  const rows = zones.map(({ node, name, freeBlocks }) => [
    String(node),
    name,
    ...Array.from({ length: orders }, (_, order) => cell(freeBlocks[order])),
  ]);
  return columnLines(heads, rows);
}

function zoneData({ address, ...zone }: Zone) {
  return { ...zone, address: addressDigits(address) };
}

/** One row for each size and node. */
function hugetlbLines(pools: readonly HugePagePool[]): string[] {
  const heads = ['>SIZE', '>NODE', '>TOTAL', '>FREE', '>RESERVED', '>SURPLUS'];
  const rows = pools.flatMap(({ pageBytes, total, free, reserved, surplus, nodes }) => [
    [`${pageBytes / KIB}k`, 'all', total, free, reserved, surplus].map(String),
    ...nodes.map(one => [`${pageBytes / KIB}k`, one.node, one.total, one.free, '', one.surplus].map(String)),
  ]);
  return columnLines(heads, rows);
}
