/** The slab caches, zones and /proc/meminfo of a dump, and what its CPUs keep of the zones by themselves. */
import { enumValues } from '../../../capture/autopsy/enumerators.ts';
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { readMeminfo } from '../../../capture/autopsy/memory/meminfo.ts';
import { readSlabCaches, type SlabCache } from '../../../capture/autopsy/memory/slab.ts';
import { readZones, type Zone } from '../../../capture/autopsy/memory/zones.ts';
import { readTasks } from '../../../capture/autopsy/tasks/tasks.ts';
import type { DumpedMemory } from './allowances.ts';
import { type DumpedLists, sumOf } from './cpu-lists.ts';
import { flatSlab, flatZones } from './memory.ts';
import type { Numbers } from './tables.ts';

export function readDumpedMemory(kernel: DeadKernel): DumpedMemory {
  const { pageSizeBytes } = kernel.memory.arch;
  const zones = readZones(kernel).found.map(zone => ({ zone, name: `node ${zone.node} ${zone.name}` }));
  const caches = readSlabCaches(kernel).found;
  return {
    slab: flatSlab(
      caches.map(({ name, usage, sizeBytes, objectsPerSlab, slabBytes }) => ({
        name,
        inUse: usage?.inUse ?? Number.NaN,
        objects: usage?.objects ?? Number.NaN,
        sizeBytes,
        objectsPerSlab,
        pagesPerSlab: slabBytes / pageSizeBytes,
        slabs: usage?.slabs ?? Number.NaN,
      })),
    ),
    zones: flatZones(Object.fromEntries(zones.map(({ zone, name }) => [name, zoneNumbers(zone)]))),
    meminfo: Object.fromEntries(readMeminfo(kernel).found.map(({ name, value }) => [name, value])),
    lists: Object.fromEntries(zones.map(({ zone, name }) => [name, listsOf(kernel, zone.address)])),
    shellPages: shellPages(kernel),
    sheaves: sheavesOf(kernel, caches),
    pageKib: pageSizeBytes / 1024,
  };
}

function zoneNumbers({
  free,
  min,
  low,
  high,
  spanned,
  present,
  managed,
  startPfn,
  freeBlocks,
}: Zone): Numbers {
  return {
    free,
    min,
    low,
    high,
    spanned,
    present,
    managed,
    start_pfn: startPfn,
    ...Object.fromEntries(freeBlocks.map((count, order) => [`order ${order}`, count])),
  };
}

/** `vm_stat_diff` has one byte, with a sign, for each counter. */
function listsOf({ types, fields, memory, perCpu }: DeadKernel, zone: bigint): DumpedLists {
  // Linux commit 28f836b6777b ("mm/page_alloc: split per cpu page lists and zone stats"), v5.14.
  const at = types.has('zone.pageset')
    ? {
        pages: 'zone.pageset',
        count: 'per_cpu_pageset.pcp.count',
        stats: 'zone.pageset',
        changes: 'per_cpu_pageset.vm_stat_diff',
      }
    : {
        pages: 'zone.per_cpu_pageset',
        count: 'per_cpu_pages.count',
        stats: 'zone.per_cpu_zonestats',
        changes: 'per_cpu_zonestat.vm_stat_diff',
      };
  const item = enumValues(types, 'zone_stat_item')('NR_FREE_PAGES');
  const ofCpu = (path: string, cpu: number) => perCpu.address(fields.pointer(zone, path), cpu);
  return {
    listed: perCpu.present.map(cpu => fields.number(ofCpu(at.pages, cpu), at.count)),
    unadded: sumOf(
      perCpu.present.map(cpu => {
        const changes = fields.address(ofCpu(at.stats, cpu), at.changes);
        return (memory.readVirtual(changes + BigInt(item), 1, at.changes)[0]! << 24) >> 24;
      }),
    ),
  };
}

/** The shell is the machine's first process. */
function shellPages(kernel: DeadKernel): number {
  const shell = readTasks(kernel).tasks.find(({ pid }) => pid === 1);
  return (shell?.memory?.virtualBytes ?? Number.NaN) / kernel.memory.arch.pageSizeBytes;
}

function sheavesOf({ types, fields }: DeadKernel, caches: readonly SlabCache[]): Numbers {
  if (!types.has('kmem_cache.sheaf_capacity')) return {};
  return Object.fromEntries(
    caches.map(({ name, address }) => [name, fields.number(address, 'kmem_cache.sheaf_capacity')]),
  );
}
