/** What this machine's kernel knows when it reads `crashkernel=`. */
import { isAtLeast } from '../../../initrd/kernel-release.ts';
import type { CmaSupport, ReadingFacts } from '../crashkernel/reading.ts';
import type { Host } from '../host/host.ts';
import { bytesShown, iomemRanges } from '../host/iomem.ts';
import { readKernelConfig } from '../host/kernel-config.ts';
import { hostKernel } from '../host/kernel-files.ts';
import { memoryUse } from './memory.ts';

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
  if (!isAtLeast(kver, CMA_SINCE)) return 'unreadable';
  const config = readKernelConfig(host, kver);
  return config?.get('CONFIG_CMA') === 'y' && config.get('CONFIG_X86_64') === 'y' ? 'reserved' : 'ignored';
}

/** memblock's sum, as /proc/iomem lists it; where that is hidden, what the zones have. */
function systemRamBytes(host: Host): number {
  const regions = iomemRanges(host.read('/proc/iomem') ?? '').filter(
    ({ name, depth }) => name === 'System RAM' && depth === 0,
  );
  return bytesShown(regions) ?? memoryUse(host).totalBytes;
}
