/** How many CPUs the crash kernel of a lab's machine gets: as `kdumpling load` chooses, by what the lab knows beforehand. */
import { statSync } from 'node:fs';
import type { Parts } from '../../build/parts/parts.ts';
import type { CrashMachine } from '../../initrd/command-line.ts';
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
  readonly captureInitrd: string;
  /** Undefined where the initrd has it. */
  readonly runtime?: string;
  /** More words for the crash kernel's command line. */
  readonly crashWords: readonly string[];
}

/** @param commandLine of the first kernel, whose size is not known before it runs and does not count. */
export function crashMachineOf(machine: PlannedMachine, commandLine: string): CrashMachine {
  const { parts, cpus, memoryMib, captureInitrd, runtime, crashWords } = machine;
  const architecture = parts.platform.node;
  const systemRamBytes = memoryMib * 2 ** 20;
  const spanPages = systemRamBytes / PAGE_BYTES;
  const values = crashkernelValues(commandLine);
  const reading = readCrashkernel(values, { systemRamBytes, cma: 'reserved' });
  const layout = runtime === undefined ? 'self-contained' : 'lean';
  const { count } = chooseCpus({
    reserved: reading.kind === 'reserved' ? reading : { bytes: 0, cmaBytes: 0 },
    reservation: reservation({
      layout,
      spanPages,
      imageBytes: statSync(captureInitrd).size,
      physical: false,
    }),
    spanPages,
    machineCpus: cpus,
    changes: { append: crashWords, remove: [] },
    obstacle: architecture === 'x64' ? undefined : 'it was not tried',
  });
  return { architecture, cpus: count, bootApicId: BOOT_APIC_ID };
}
