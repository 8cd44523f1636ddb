/**
 * The rows of /proc/meminfo as sums of counters and variables (fs/proc/meminfo.c, si_mem_available() in mm/show_mem.c). Left
 * out are those that are constants (VmallocTotal, VmallocChunk, NFS_Unstable) and those of zswap.
 */
import { enumValues } from '../enumerators.ts';
import type { DeadKernel } from '../kernel.ts';
import { perCpuCounter } from '../per-cpu-counter.ts';
import type { Counters } from './counters.ts';
import type { HugePagePool } from './hugetlb.ts';
import { hasVariable, intVariable, longVariable } from './variables.ts';

/** What the rows are computed from. Counts are in pages; undefined for what this kernel has not or cannot be read. */
export interface MeminfoSources {
  readonly kernel: DeadKernel;
  readonly pages: Counters;
  /** The sum over all zones, empty ones too. */
  readonly lowWatermark: number | undefined;
  /** Of block devices. */
  readonly bufferPages: number | undefined;
  readonly swapCachePages: number | undefined;
  readonly pools: readonly HugePagePool[];
}

export type MeminfoUnit = 'page' | 'kB' | 'byte' | 'count';

/** Undefined where this kernel has no such row. @throws AutopsyError, KernelError where it has one that cannot be read */
type Value = (from: MeminfoSources) => number | undefined;

interface RowRule {
  readonly name: string;
  readonly unit: MeminfoUnit;
  readonly value: Value;
}

const pages = (name: string, value: Value): RowRule => ({ name, unit: 'page', value });
const kB = (name: string, value: Value): RowRule => ({ name, unit: 'kB', value });
const bytes = (name: string, value: Value): RowRule => ({ name, unit: 'byte', value });
const count = (name: string, value: Value): RowRule => ({ name, unit: 'count', value });

/** One of the kernel's counters, or the sum of several. */
const counted =
  (...names: string[]): Value =>
  from =>
    sum(names.map(name => from.pages(name)));
/** A row that the kernel still prints, as 0, after its counter has been removed. */
const countedOrZero =
  (name: string): Value =>
  ({ pages }) =>
    pages(name) ?? (hasCounters(pages) ? 0 : undefined);
const variable =
  (name: string): Value =>
  ({ kernel }) =>
    longVariable(kernel, name);
/** A row of kernels with the variable that comes with the row's configuration option. */
const where =
  (symbol: string, value: Value): Value =>
  from =>
    hasVariable(from.kernel, symbol) ? value(from) : undefined;
const ofDefaultPool =
  (member: 'total' | 'free' | 'reserved' | 'surplus'): Value =>
  ({ pools }) =>
    pools.find(({ isDefault }) => isDefault)?.[member];

/** In the order of /proc/meminfo. */
export const ROWS: readonly RowRule[] = [
  pages('MemTotal', variable('_totalram_pages')),
  pages('MemFree', counted('NR_FREE_PAGES')),
  pages('MemAvailable', availablePages),
  pages('Buffers', ({ bufferPages }) => bufferPages),
  pages('Cached', cachedPages),
  pages('SwapCached', ({ swapCachePages }) => swapCachePages),
  pages('Active', counted('NR_ACTIVE_ANON', 'NR_ACTIVE_FILE')),
  pages('Inactive', counted('NR_INACTIVE_ANON', 'NR_INACTIVE_FILE')),
  pages('Active(anon)', counted('NR_ACTIVE_ANON')),
  pages('Inactive(anon)', counted('NR_INACTIVE_ANON')),
  pages('Active(file)', counted('NR_ACTIVE_FILE')),
  pages('Inactive(file)', counted('NR_INACTIVE_FILE')),
  pages('Unevictable', counted('NR_UNEVICTABLE')),
  pages('Mlocked', counted('NR_MLOCK')),
  pages('SwapTotal', where('total_swap_pages', variable('total_swap_pages'))),
  pages('SwapFree', where('nr_swap_pages', variable('nr_swap_pages'))),
  pages('Dirty', counted('NR_FILE_DIRTY')),
  pages('Writeback', counted('NR_WRITEBACK')),
  pages('AnonPages', counted('NR_ANON_MAPPED')),
  pages('Mapped', counted('NR_FILE_MAPPED')),
  pages('Shmem', counted('NR_SHMEM')),
  pages('KReclaimable', counted('NR_SLAB_RECLAIMABLE_B', 'NR_KERNEL_MISC_RECLAIMABLE')),
  pages('Slab', counted('NR_SLAB_RECLAIMABLE_B', 'NR_SLAB_UNRECLAIMABLE_B')),
  pages('SReclaimable', counted('NR_SLAB_RECLAIMABLE_B')),
  pages('SUnreclaim', counted('NR_SLAB_UNRECLAIMABLE_B')),
  kB('KernelStack', counted('NR_KERNEL_STACK_KB')),
  kB('ShadowCallStack', counted('NR_KERNEL_SCS_KB')),
  pages('PageTables', counted('NR_PAGETABLE')),
  pages('SecPageTables', counted('NR_SECONDARY_PAGETABLE')),
  pages('Bounce', countedOrZero('NR_BOUNCE')),
  pages('WritebackTmp', countedOrZero('NR_WRITEBACK_TEMP')),
  pages('CommitLimit', commitLimitPages),
  pages('Committed_AS', ({ kernel }) =>
    Math.max(0, perCpuCounter(kernel, kernel.symbols.require('vm_committed_as'))),
  ),
  pages('VmallocUsed', from => from.pages('NR_VMALLOC') ?? longVariable(from.kernel, 'nr_vmalloc_pages')),
  pages('Percpu', perCpuPages),
  pages('HardwareCorrupted', where('num_poisoned_pages', variable('num_poisoned_pages'))),
  pages('AnonHugePages', where('transparent_hugepage_flags', hugePages('NR_ANON_THPS'))),
  pages('ShmemHugePages', where('transparent_hugepage_flags', hugePages('NR_SHMEM_THPS'))),
  pages('ShmemPmdMapped', where('transparent_hugepage_flags', hugePages('NR_SHMEM_PMDMAPPED'))),
  pages('FileHugePages', where('transparent_hugepage_flags', hugePages('NR_FILE_THPS'))),
  pages('FilePmdMapped', where('transparent_hugepage_flags', hugePages('NR_FILE_PMDMAPPED'))),
  pages('CmaTotal', where('cma_areas', variable('totalcma_pages'))),
  pages('CmaFree', where('cma_areas', counted('NR_FREE_CMA_PAGES'))),
  pages('Unaccepted', counted('NR_UNACCEPTED')),
  pages('Balloon', counted('NR_BALLOON_PAGES')),
  pages('GPUActive', counted('NR_GPU_ACTIVE')),
  pages('GPUReclaim', counted('NR_GPU_RECLAIM')),
  count('HugePages_Total', ofDefaultPool('total')),
  count('HugePages_Free', ofDefaultPool('free')),
  count('HugePages_Rsvd', ofDefaultPool('reserved')),
  count('HugePages_Surp', ofDefaultPool('surplus')),
  bytes('Hugepagesize', ({ pools }) => pools.find(({ isDefault }) => isDefault)?.pageBytes),
  bytes('Hugetlb', ({ pools }) => (pools.length === 0 ? undefined : hugePageBytes(pools))),
  kB('DirectMap4k', directMap('PG_LEVEL_4K', 4)),
  kB('DirectMap2M', directMap('PG_LEVEL_2M', 2 << 10)),
  kB('DirectMap1G', from =>
    hasVariable(from.kernel, 'direct_gbpages') && intVariable(from.kernel, 'direct_gbpages') !== 0
      ? directMap('PG_LEVEL_1G', 1 << 20)(from)
      : undefined,
  ),
];

/** What could be given to programs without swapping: si_mem_available(). */
function availablePages({ kernel, pages, lowWatermark }: MeminfoSources): number | undefined {
  const free = pages('NR_FREE_PAGES');
  const cache = sum([pages('NR_ACTIVE_FILE'), pages('NR_INACTIVE_FILE')]);
  const reclaimable = sum([pages('NR_SLAB_RECLAIMABLE_B'), pages('NR_KERNEL_MISC_RECLAIMABLE')]);
  if (free === undefined || cache === undefined || reclaimable === undefined) return undefined;
  if (lowWatermark === undefined) return undefined;
  const spared = (given: number) => given - Math.min(Math.floor(given / 2), lowWatermark);
  return Math.max(0, free - longVariable(kernel, 'totalreserve_pages') + spared(cache) + spared(reclaimable));
}

function cachedPages({ pages, swapCachePages, bufferPages }: MeminfoSources): number | undefined {
  const all = pages('NR_FILE_PAGES');
  if (all === undefined || swapCachePages === undefined || bufferPages === undefined) return undefined;
  return Math.max(0, all - swapCachePages - bufferPages);
}

/** vm_commit_limit() in mm/util.c. */
function commitLimitPages({ kernel, pools }: MeminfoSources): number {
  const pageBytes = kernel.memory.arch.pageSizeBytes;
  const kilobytes = longVariable(kernel, 'sysctl_overcommit_kbytes');
  const small = longVariable(kernel, '_totalram_pages') - hugePageBytes(pools) / pageBytes;
  const allowed =
    kilobytes !== 0
      ? Math.floor((kilobytes * 1024) / pageBytes)
      : Math.floor((small * intVariable(kernel, 'sysctl_overcommit_ratio')) / 100);
  const swap = hasVariable(kernel, 'total_swap_pages') ? longVariable(kernel, 'total_swap_pages') : 0;
  return allowed + swap;
}

/** pcpu_nr_pages() in mm/percpu.c. */
function perCpuPages({ kernel }: MeminfoSources): number {
  return longVariable(kernel, 'pcpu_nr_populated') * intVariable(kernel, 'pcpu_nr_units');
}

function hugePages(name: string): Value {
  return from => {
    const number = from.pages(name);
    if (number === undefined) return undefined;
    // Until Linux v5.11 these count huge pages. NR_SWAPCACHE came with v5.12, too: commit b6038942480e ("mm: memcg: add
    // swapcache stat for memcg v2").
    const { largeLeafBytes, pageSizeBytes } = from.kernel.memory.arch;
    return from.pages('NR_SWAPCACHE') === undefined ? number * (largeLeafBytes / pageSizeBytes) : number;
  };
}

function hugePageBytes(pools: readonly HugePagePool[]): number {
  return pools.reduce((bytes, { total, pageBytes }) => bytes + total * pageBytes, 0);
}

/** direct_pages_count in arch/x86/mm/pat/set_memory.c: by enum pg_level, how many pages of a size map all memory. */
function directMap(level: string, kilobytes: number): Value {
  return where('direct_pages_count', ({ kernel: { memory, symbols, types } }) => {
    const at = symbols.require('direct_pages_count') + BigInt(8 * enumValues(types, 'pg_level')(level));
    return Number(memory.u64(at, 'direct_pages_count')) * kilobytes;
  });
}

/** Every kernel counts its free pages: without that count none of the counters can be read. */
function hasCounters(pages: Counters): boolean {
  return pages('NR_FREE_PAGES') !== undefined;
}

function sum(parts: readonly (number | undefined)[]): number | undefined {
  return parts.reduce(
    (total, part) => (total === undefined || part === undefined ? undefined : total + part),
    0,
  );
}
