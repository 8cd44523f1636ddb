/** The memory for this machine's crash kernel: what this boot reserved, what a capture needs, and how many CPUs that is for. */
import { attempt } from '../../../capture/errors.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import type { Layout } from '../../../initrd/layouts.ts';
import type { Settings } from '../config/directives.ts';
import { readCrashkernel } from '../crashkernel/reading.ts';
import { crashkernelValues } from '../crashkernel/words.ts';
import { type CpuChoice, chooseCpus } from '../estimate/cpus.ts';
import { lends } from '../estimate/lending.ts';
import { kernelBytes, memoryUse } from '../estimate/memory.ts';
import { readingFacts } from '../estimate/reading-facts.ts';
import { type Reservation, reservation } from '../estimate/reservation.ts';
import { machineCpus, secondCpuObstacle } from '../host/cpus.ts';
import type { Host } from '../host/host.ts';
import { findImage, hostKernel, kernelImageIn } from '../host/kernel-files.ts';
import { pageSizeBytes } from '../host/page-size.ts';
import { isVirtualMachine } from '../host/virtual-machine.ts';
import { isWithoutUnusedCode } from '../image/lean-runtime.ts';
import { unpackedKernelBytes } from '../kexec/load-size.ts';
import { type ReservedParts, reservedParts } from '../kexec/reserved-parts.ts';
import { hostTarget } from '../storage/host-target.ts';

/** What this boot reserved. */
export function hostReserved(host: Host): ReservedParts {
  const values = crashkernelValues(host.read('/proc/cmdline') ?? '');
  return reservedParts(host, readCrashkernel(values, readingFacts(host)));
}

/** The reservation for the configured layout, or for another one, of which no image exists yet. */
export function hostReservation(
  host: Host,
  settings: Settings,
  layout: Layout = settings.layout,
): Reservation {
  const kver = hostKernel(host);
  const image = layout === settings.layout ? findImage(host, kver) : undefined;
  const kernel = kernelImageIn(host, kver);
  const reading = readingFacts(host, kver);
  // That there is none is said by whoever asks for the target.
  const target = attempt(() => hostTarget(host, settings));
  const lending = {
    ...reading,
    isImage: host.isImage,
    wanted: settings.crashkernelCma ?? 'auto',
    dumpLevel: settings.options.dumpLevel ?? DEFAULT_OPTIONS.dumpLevel,
  };
  return reservation({
    layout,
    kver,
    // An image may boot on a machine of any size.
    spanPages: host.isImage ? Number.POSITIVE_INFINITY : memoryUse(host).spanPages,
    kernelBytes: kernelBytes(host),
    unpackedKernelBytes: kernel === undefined ? undefined : unpackedKernelBytes(host, kernel),
    lendingRamBytes: lends(lending) ? reading.systemRamBytes : undefined,
    imageBytes: image === undefined ? undefined : host.sizeBytes(image),
    hasWholeNode: target === undefined || !isWithoutUnusedCode(host, target),
    physical: !isVirtualMachine(host),
    pageBytes: pageSizeBytes(host),
  });
}

/** By the initrd that there is: a later one may be larger. */
export function hostCpus(host: Host, settings: Settings): CpuChoice {
  return chooseCpus({
    reserved: hostReserved(host),
    reservation: hostReservation(host, settings),
    physical: !isVirtualMachine(host),
    spanPages: memoryUse(host).spanPages,
    machineCpus: machineCpus(host),
    changes: settings.commandLine,
    obstacle: secondCpuObstacle(host),
  });
}
