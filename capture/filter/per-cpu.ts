/**
 * Finds the per-CPU areas without debug symbols. They are in the array __per_cpu_offset (Linux
 * arch/x86/kernel/setup_percpu.c). Its entries for CPUs that the machine cannot have all hold the same address, that of the
 * template in the kernel's image. As long as per-CPU variables are linked at 0 (until Linux v6.15, "x86/percpu/64: Use
 * relative percpu offsets"), an entry is the address of an area.
 */
import type { PointerFacts } from '../kernel/arch/arch.ts';

export interface Pointer {
  /** The upper and the lower half of a virtual address. */
  readonly high: number;
  readonly low: number;
}

/** Shorter runs of equal words occur elsewhere too. */
const LEAST_EQUAL_ENTRIES = 16;

/** @param pages the kernel's data in order, page by page: little-endian 64-bit words, each as two 32-bit ones. */
export function* perCpuAreas(
  pages: Iterable<Uint32Array>,
  { lowestHigh, imageHigh }: PointerFacts,
  pageSizeBytes: number,
): Generator<Pointer> {
  const pageMask = pageSizeBytes - 1;
  let areas: Pointer[] = [];
  let high = 0;
  let low = 0;
  let equalEntries = 0;
  for (const words of pages) {
    for (let at = 0; at < words.length; at += 2) {
      if (words[at] === low && words[at + 1] === high) {
        equalEntries++;
        if (equalEntries === LEAST_EQUAL_ENTRIES) {
          if (high >= imageHigh) yield* areas;
          areas = [];
        }
        continue;
      }
      const isArea = equalEntries === 1 && (low & pageMask) === 0 && high >= lowestHigh && high < imageHigh;
      if (isArea) areas.push({ high, low });
      else if (areas.length > 0) areas = [];
      low = words[at];
      high = words[at + 1];
      equalEntries = 1;
    }
  }
}
