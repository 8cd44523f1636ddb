/** The memory that this boot reserved, by its parts: what the crash kernel is loaded into, and what it only gets at the crash. */
import type { CrashkernelReading } from '../crashkernel/reading.ts';
import type { Host } from '../host/host.ts';
import { iomemRanges } from '../host/iomem.ts';
import { reservedBytes } from './crash-kernel.ts';

export interface ReservedParts {
  /** For the crash kernel alone, above and below 4 GiB. */
  readonly bytes: number;
  /** The largest piece of it: kexec puts the kernel and the initrd into one. */
  readonly loadBytes: number;
  /** Lent to processes until the crash. */
  readonly cmaBytes: number;
}

/** A range a line, both ends included; Linux commit "crash: export crashkernel CMA reservation to userspace", v6.19. */
const CMA_RANGES = '/sys/kernel/kexec/crash_cma_ranges';
const CMA_RANGE = /^([0-9a-f]+)-([0-9a-f]+)$/gm;

/** @param reading of this boot's command line, which is all that Linux 6.17 and 6.18 say of CMA. */
export function reservedParts(host: Host, reading: CrashkernelReading): ReservedParts {
  const bytes = reservedBytes(host);
  // Within System RAM (Linux kernel/crash_reserve.c); hidden ones have one byte.
  const pieces = iomemRanges(host.read('/proc/iomem') ?? '')
    .filter(({ name }) => name === 'Crash kernel')
    .map(({ start, end }) => end - start)
    .filter(size => size > 1);
  const ranges = host.read(CMA_RANGES);
  const asked = reading.kind === 'reserved' ? reading.cmaBytes : 0;
  return {
    bytes,
    loadBytes: pieces.length > 0 ? Math.max(...pieces) : bytes,
    cmaBytes: ranges === undefined ? asked : cmaBytesOf(ranges),
  };
}

function cmaBytesOf(ranges: string): number {
  return [...ranges.matchAll(CMA_RANGE)].reduce(
    (sum, [, start, end]) => sum + Number.parseInt(end!, 16) + 1 - Number.parseInt(start!, 16),
    0,
  );
}
