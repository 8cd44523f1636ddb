/** What /proc/meminfo would have said at the crash (fs/proc/meminfo.c): its rows, computed from memory. */
import { attempt, KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { type Findings, Problems } from '../problems.ts';
import { openCounters } from './counters.ts';
import { readHugePages } from './hugetlb.ts';
import { type MeminfoSources, type MeminfoUnit, ROWS } from './meminfo-rows.ts';
import { blockDevicePages, swapCachePages } from './sums.ts';
import { sumOfLowWatermarks } from './zones.ts';

export interface MeminfoRow {
  /** As in /proc/meminfo. */
  readonly name: string;
  /** In kB, but for numbers of huge pages. */
  readonly value: number;
  readonly unit: 'kB' | 'pages';
}

/** A row is missing where this kernel has none, and where it cannot be computed, which `problems` then says. */
export function readMeminfo(kernel: DeadKernel): Findings<MeminfoRow[]> {
  const problems = new Problems();
  const from = openSources(kernel, problems);
  const found = ROWS.flatMap(({ name, unit, value }) => {
    const number = attempt(
      () => value(from),
      cause =>
        problems.add(
          new KernelError(
            'MEMINFO_ROW',
            { action: `compute ${name}`, actual: 'a part of it cannot be read' },
            {},
            { cause },
          ),
        ),
    );
    if (number === undefined) return [];
    const row: MeminfoRow = {
      name,
      value: unit === 'count' ? number : Math.floor((number * bytesOf(kernel, unit)) / 1024),
      unit: unit === 'count' ? 'pages' : 'kB',
    };
    return [row];
  });
  return { found, problems: problems.sentences };
}

function openSources(kernel: DeadKernel, problems: Problems): MeminfoSources {
  const pages = attempt(() => openCounters(kernel), problems.add) ?? (() => undefined);
  const pools = readHugePages(kernel);
  for (const sentence of pools.problems) problems.add(sentence);
  return {
    kernel,
    pages,
    lowWatermark: attempt(() => sumOfLowWatermarks(kernel), problems.add),
    bufferPages: attempt(() => blockDevicePages(kernel), problems.add),
    swapCachePages: attempt(() => pages('NR_SWAPCACHE') ?? swapCachePages(kernel), problems.add),
    pools: pools.found,
  };
}

function bytesOf({ memory }: DeadKernel, unit: Exclude<MeminfoUnit, 'count'>): number {
  return { page: memory.arch.pageSizeBytes, kB: 1024, byte: 1 }[unit];
}
