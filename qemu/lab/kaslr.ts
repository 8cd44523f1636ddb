/** Whether the reservation fits beside the first kernel, wherever KASLR puts that kernel. */
import { readCrashkernel } from '../../scripts/lib/crashkernel/reading.ts';

const MIB = 1 << 20;
/** For the kernel, its initrd and the firmware: with it, every machine of the full matrix had room with KASLR. */
const BESIDE_RESERVATION_BYTES = 128 * MIB;
/** With an offset no place is searched for, and a reservation above 4 GiB is not beside the kernel. */
const ELSEWHERE = /@|,high$/;

/**
 * Words for the first kernel's command line. KASLR may put the kernel into the middle of memory. In a small machine neither half
 * is then large enough, and the kernel says "crashkernel reservation failed - No suitable area found."
 * @param crashkernel one value, as `192M`.
 */
export function wordsForReservation(memoryMib: number, crashkernel: string): string[] {
  const systemRamBytes = memoryMib * MIB;
  const reading = readCrashkernel([crashkernel], { systemRamBytes, cma: 'reserved' });
  if (reading.kind !== 'reserved' || ELSEWHERE.test(crashkernel)) return [];
  return systemRamBytes < 2 * reading.bytes + BESIDE_RESERVATION_BYTES ? ['nokaslr'] : [];
}
