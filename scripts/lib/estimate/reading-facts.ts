/** What this machine's kernel knows when it reads `crashkernel=`. */
import type { CmaSupport, ReadingFacts } from '../crashkernel/reading.ts';
import type { Host } from '../host/host.ts';
import { readKernelConfig } from '../host/kernel-config.ts';
import { hostKernel } from '../host/kernel-files.ts';
import { memoryUse } from './memory.ts';

/** Top-level lines of /proc/iomem; whoever is not root sees zeros for all addresses. */
const SYSTEM_RAM = /^([0-9a-f]+)-([0-9a-f]+) : System RAM$/gm;
/** Linux commit 35c18f2933c5 ("Add a new optional ",cma" suffix to the crashkernel= command line option"). */
const CMA_SINCE = [6, 17] as const;

/** An image may boot on any machine: what is right for a large one is right for it. */
const LARGE_MACHINE_BYTES = 2 ** 44;

export function readingFacts(host: Host, kver = hostKernel(host)): ReadingFacts {
  return {
    systemRamBytes: host.isImage ? LARGE_MACHINE_BYTES : systemRamBytes(host),
    cma: cmaSupport(host, kver),
  };
}

/** Linux arch/x86/kernel/setup.c reserves it; other architectures followed later, and were not tried. */
function cmaSupport(host: Host, kver: string): CmaSupport {
  if (!isAtLeast(kver, ...CMA_SINCE)) return 'unreadable';
  const config = readKernelConfig(host, kver);
  return config?.get('CONFIG_CMA') === 'y' && config.get('CONFIG_X86_64') === 'y' ? 'reserved' : 'ignored';
}

/** memblock's sum, as /proc/iomem lists it; where that is hidden, what the zones have. */
function systemRamBytes(host: Host): number {
  const regions = [...(host.read('/proc/iomem') ?? '').matchAll(SYSTEM_RAM)];
  const bytes = regions.reduce((sum, [, start, end]) => sum + sizeBytes(start!, end!), 0);
  return bytes > regions.length ? bytes : memoryUse(host).totalBytes;
}

function sizeBytes(start: string, end: string): number {
  return Number.parseInt(end, 16) - Number.parseInt(start, 16) + 1;
}

function isAtLeast(kver: string, major: number, minor: number): boolean {
  const [, ourMajor, ourMinor] = /^(\d+)\.(\d+)/.exec(kver) ?? [];
  return Number(ourMajor) > major || (Number(ourMajor) === major && Number(ourMinor) >= minor);
}
