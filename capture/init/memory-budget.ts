/**
 * What may be taken of the crash kernel's memory. It is never swapped: who takes too much is ended by the kernel, and with the
 * capture goes the dump. So whatever can be smaller asks here for its size, and whatever can be left out asks whether to begin.
 */
import { attempt } from '../errors.ts';
import { bytesOf, MEMINFO } from './meminfo.ts';

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
 * From its first line to its last a capture took 3 to 5 MiB (Debian's 6.1, 6.12 and 7.2, 1 GiB at dump level 31), its buffers
 * among them; and some code must stay in memory that the kernel counts as available.
 */
const DUMP_BYTES = 12 << 20;
/** One taker among several, none of which knows of the others. */
const SHARE = 1 / 2;

export function openMemoryBudget(readText: (path: string) => string): MemoryBudget {
  const spareBytes = (): number => {
    const meminfo = attempt(() => readText(MEMINFO)) ?? '';
    return (bytesOf(meminfo, 'MemAvailable') ?? Number.POSITIVE_INFINITY) - DUMP_BYTES;
  };
  return {
    refusal(bytes) {
      const spare = spareBytes();
      if (bytes <= spare) return undefined;
      const [needed, left] = [bytes, Math.max(0, spare)].map(value => Math.round(value / 2 ** 20));
      return `it takes ${needed} MiB of memory, and beside the dump there are ${left}`;
    },
    grant: (wishedBytes, leastBytes) =>
      Math.floor(Math.max(leastBytes, Math.min(wishedBytes, spareBytes() * SHARE))),
  };
}
