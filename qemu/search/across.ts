/**
 * Reservations across a multiple of 128 MiB. That much is a section of memory, and the crash kernel has page structures, 2 MiB, for
 * each section of which it has a part (Linux mm/sparse.c). Where the kernel puts a smaller reservation differs from boot to boot.
 */
import { memoryMap } from '../expect/memory-map.ts';
import type { Fault } from '../faults/fault.ts';
import type { LabArch } from '../machine/arch.ts';

const MIB = 2 ** 20;
const SECTION_MIB = 128;
/** A section's end in the machine's memory. Below it the first kernel has room; the smallest machine has as much above as a search needs. */
const SECTION_END_MIB = 3 * SECTION_MIB;
/** The least that the kernel can take of the section below (Linux arch/x86/include/asm/crash_reserve.h, CRASH_ALIGN; arm64: 2 MiB). */
const BELOW_MIB = 16;

/** The same with a reservation of this size that is in as many sections as one can be. The kernel refuses the place where it is taken. */
export function across(fault: Fault, mib: number, { memoryFromMib }: LabArch): Fault {
  return {
    ...fault,
    crashkernel: `${mib}M@${memoryFromMib + SECTION_END_MIB - BELOW_MIB}M`,
    // KASLR could put the first kernel there. The crash kernel has it as in any other capture.
    firstKernelWords: [...(fault.firstKernelWords ?? []), 'nokaslr'],
    expectations: [isAcross(mib), ...fault.expectations],
  };
}

function isAcross(mib: number) {
  return memoryMap('the reservation is across a multiple of 128 MiB', ({ reserved }) =>
    reserved.some(({ start, end }) => {
      const [first, last] = [start, end - 1].map(address => Math.floor(address / MIB / SECTION_MIB));
      return end - start === mib * MIB && first !== last;
    }),
  );
}
