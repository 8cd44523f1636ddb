/** Whether the reservation fits beside the first kernel, wherever KASLR puts that kernel. */

const MIB_IN = { K: 1 / 1024, M: 1, G: 1024 } as const;

/** MiB for the kernel, its initrd and the firmware: with it, every machine of the full matrix had room with KASLR. */
const BESIDE_RESERVATION = 128;

/**
 * Words for the first kernel's command line. KASLR may put the kernel into the middle of memory. In a small machine neither half
 * is then large enough, and the kernel says "crashkernel reservation failed - No suitable area found."
 * @param crashkernel one value, as `192M`. With an offset the reservation is not searched for, and `,high` has memory above 4 GiB.
 */
export function wordsForReservation(memoryMib: number, crashkernel: string): string[] {
  const [, size, unit] = /^(\d+)([KMG])(?:,cma|,low)?$/.exec(crashkernel) ?? [];
  if (size === undefined) return [];
  const reservedMib = Number(size) * MIB_IN[unit as keyof typeof MIB_IN];
  return memoryMib < 2 * reservedMib + BESIDE_RESERVATION ? ['nokaslr'] : [];
}
