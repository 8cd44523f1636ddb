/** What this machine's memory is used for, from /proc (proc_meminfo(5), proc_pid_pagemap's zones: Linux mm/vmstat.c). */
import type { Host } from '../host/host.ts';
import { bytesShown, iomemRanges } from '../host/iomem.ts';
import { pageSizeBytes } from '../host/page-size.ts';

export interface MemoryUse {
  /** All memory that the kernel has, in use or not. */
  readonly totalBytes: number;
  /** One past the highest page frame: what a bitmap must reach. */
  readonly spanPages: number;
  readonly freeBytes: number;
  /** File pages, and memory that looks like them (tmpfs). */
  readonly cacheBytes: number;
  /** Of processes, huge pages too. */
  readonly userBytes: number;
}

/** They are within System RAM. */
const KERNEL_PART = /^Kernel (?:code|rodata|data|bss)$/;

/** What the running kernel's code and data take (Linux kernel/resource.c); undefined where that is hidden. */
export function kernelBytes(host: Host): number | undefined {
  const ranges = iomemRanges(host.read('/proc/iomem') ?? '');
  return bytesShown(ranges.filter(({ name, depth }) => depth > 0 && KERNEL_PART.test(name)));
}

export function memoryUse(host: Host): MemoryUse {
  const meminfo = host.read('/proc/meminfo') ?? '';
  const bytes = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0);
  const huge = Number(/^HugePages_Total:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0) * bytes('Hugepagesize');
  const zones = zonesOf(host.read('/proc/zoneinfo') ?? '');
  const pageBytes = pageSizeBytes(host);
  const presentBytes = zones.reduce((sum, { present }) => sum + present, 0) * pageBytes;
  const totalBytes = Math.max(presentBytes, bytes('MemTotal'));
  return {
    totalBytes,
    spanPages: Math.max(totalBytes / pageBytes, ...zones.map(({ start, spanned }) => start + spanned)),
    freeBytes: bytes('MemFree'),
    cacheBytes: bytes('Cached') + bytes('Buffers') + bytes('SwapCached'),
    userBytes: bytes('AnonPages') + huge,
  };
}

/** `Node N, zone NAME`, then lines of a name and a number. */
function zonesOf(zoneinfo: string): { start: number; spanned: number; present: number }[] {
  return zoneinfo
    .split(/^Node /m)
    .slice(1)
    .map(zone => {
      const number = (name: string) =>
        Number(new RegExp(`^\\s*${name}:?\\s+(\\d+)`, 'm').exec(zone)?.[1] ?? 0);
      return { start: number('start_pfn'), spanned: number('spanned'), present: number('present') };
    });
}
