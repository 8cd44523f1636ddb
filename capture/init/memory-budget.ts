/**
 * What may be taken of the crash kernel's memory. It is compressed where it is short (initrd/early.sh), and never swapped to a disk: who
 * takes too much is ended by the kernel, and with the capture goes the dump. So whatever can be smaller asks here for its size, and
 * whatever can be left out asks whether to begin.
 */
import { attempt } from '../errors.ts';
import { bytesOf, MEMINFO, tooLittleMemory } from './meminfo.ts';

export interface MemoryBudget {
  /**
   * Why work that takes so many bytes more, and gives them back, must be left out for the dump's sake; undefined if there is
   * room for it, or if the kernel does not say how much there is.
   */
  refusal(bytes: number): string | undefined;
  /** As many of the bytes as there is room for, and at least `least` of them. */
  grant(wishedBytes: number, leastBytes: number): number;
}

/**
 * For the dump itself: from its first line to its last a capture took 3 to 5 MiB (Debian's 6.1, 6.12 and 7.2, 1 GiB at dump
 * level 31), its buffers among them. The rest is code of Node's that is in use, which the kernel counts as available.
 */
const DUMP_BYTES = 16 << 20;
/** One taker among several, none of which knows of the others. */
const SHARE = 1 / 2;

export function openMemoryBudget(readText: (path: string) => string): MemoryBudget {
  const availableBytes = (): number => {
    const meminfo = attempt(() => readText(MEMINFO)) ?? '';
    return bytesOf(meminfo, 'MemAvailable') ?? Number.POSITIVE_INFINITY;
  };
  return {
    refusal(bytes) {
      const available = availableBytes();
      const needed = bytes + DUMP_BYTES;
      return available >= needed ? undefined : tooLittleMemory(available, needed);
    },
    grant: (wishedBytes, leastBytes) =>
      Math.floor(Math.max(leastBytes, Math.min(wishedBytes, (availableBytes() - DUMP_BYTES) * SHARE))),
  };
}
