/** What the crash kernel's command line depends on: the CPUs are chosen as `kdumpling load` does, by what the lab knows beforehand. */
import { statSync } from 'node:fs';
import type { Parts } from '../../build/parts/parts.ts';
import type { CrashMachine } from '../../initrd/command-line.ts';
import { keepsImage } from '../../initrd/kept-image.ts';
import type { Layout } from '../../initrd/layouts.ts';
import { readCrashkernel } from '../../scripts/lib/crashkernel/reading.ts';
import { crashkernelValues } from '../../scripts/lib/crashkernel/words.ts';
import { chooseCpus } from '../../scripts/lib/estimate/cpus.ts';
import { reservation } from '../../scripts/lib/estimate/reservation.ts';

const PAGE_BYTES = 4096;
/** Of the CPU on which QEMU's machines boot. */
const BOOT_APIC_ID = 0;

export interface PlannedMachine {
  readonly parts: Pick<Parts, 'platform'>;
  readonly cpus: number;
  readonly memoryMib: number;
  readonly captureKernel: { readonly release: string; readonly isStock: boolean };
  readonly captureInitrd: string;
  /** Of the capture initrd. */
  readonly layout: Layout;
  /** More words for the crash kernel's command line. */
  readonly crashWords: readonly string[];
}

/** @param commandLine of the first kernel, whose size is not known before it runs and does not count. */
export function crashMachineOf(machine: PlannedMachine, commandLine: string): CrashMachine {
  const { parts, cpus, memoryMib, captureKernel, captureInitrd, layout, crashWords } = machine;
  const architecture = parts.platform.node;
  const systemRamBytes = memoryMib * 2 ** 20;
  const spanPages = systemRamBytes / PAGE_BYTES;
  const values = crashkernelValues(commandLine);
  const reading = readCrashkernel(values, { systemRamBytes, cma: 'reserved' });
  const { count } = chooseCpus({
    reserved: reading.kind === 'reserved' ? reading : { bytes: 0, cmaBytes: 0 },
    reservation: reservation({
      layout,
      kver: captureKernel.release,
      spanPages,
      imageBytes: statSync(captureInitrd).size,
      physical: false,
    }),
    physical: false,
    spanPages,
    machineCpus: cpus,
    changes: { append: crashWords, remove: [] },
    // How large a kernel is, which counts more there, the lab does not know beforehand.
    obstacle: architecture === 'x64' ? undefined : 'it is not asked for',
  });
  return {
    architecture,
    cpus: count,
    bootApicId: BOOT_APIC_ID,
    keepsImage: keepsImage(captureKernel.release, layout),
    // None of QEMU's disks that the lab attaches stores integrity data.
    hasPlainDisks: true,
    isBelow64Tib: true,
    // A kernel of one's own may be built so that it cannot.
    canSkipRealMode: captureKernel.isStock,
  };
}
