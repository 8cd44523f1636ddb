/** What this machine's memory is used for, from /proc (proc_meminfo(5), proc_pid_pagemap's zones: Linux mm/vmstat.c). */
import type { Host } from '../host/host.ts';
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

/** Indented, because they are within System RAM. Whoever is not root sees zeros for all addresses. */
const KERNEL_PART = /^ +([0-9a-f]+)-([0-9a-f]+) : Kernel (?:code|rodata|data|bss)$/gm;

/** What the running kernel's code and data take (Linux kernel/resource.c); undefined where that is hidden. */
export function kernelBytes(host: Host): number | undefined {
  const parts = [...(host.read('/proc/iomem') ?? '').matchAll(KERNEL_PART)];
  const bytes = parts.reduce(
    (sum, [, start, end]) => sum + Number.parseInt(end!, 16) + 1 - Number.parseInt(start!, 16),
    0,
  );
  return bytes > parts.length ? bytes : undefined;
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
