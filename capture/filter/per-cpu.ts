/**
 * Where the per-CPU areas lie, found without debug symbols: Linux arch/x86/kernel/setup_percpu.c has them in the array
 * __per_cpu_offset, whose entries for CPUs that the machine cannot have all hold the address in the kernel's image that the
 * areas were copied from. While per-CPU variables are linked at 0 (until Linux v6.15, "x86/percpu/64: Use relative percpu
 * offsets"), an entry is the address of an area.
 */

export interface Pointer {
  /** The upper and the lower half of a virtual address. */
  readonly high: number;
  readonly low: number;
}

/** Fewer equal words than this stand elsewhere too. */
const LEAST_EQUAL_ENTRIES = 16;
const PAGE_MASK = 0xfff;
/** From here on it is the kernel's image. */
const IMAGE_HIGH = 0xffff_ffff;

/** @param pages of the kernel's data, in order, as 32-bit words of little-endian 64-bit ones; `lowestHigh` is the least upper half of a pointer. */
export function* perCpuAreas(pages: Iterable<Uint32Array>, lowestHigh: number): Generator<Pointer> {
  let areas: Pointer[] = [];
  let high = 0;
  let low = 0;
  let equalEntries = 0;
  for (const words of pages) {
    for (let at = 0; at < words.length; at += 2) {
      if (words[at] === low && words[at + 1] === high) {
        equalEntries++;
        if (equalEntries === LEAST_EQUAL_ENTRIES) {
          if (high === IMAGE_HIGH) yield* areas;
          areas = [];
        }
        continue;
      }
      const isArea = equalEntries === 1 && (low & PAGE_MASK) === 0 && high >= lowestHigh && high < IMAGE_HIGH;
      if (isArea) areas.push({ high, low });
      else if (areas.length > 0) areas = [];
      low = words[at];
      high = words[at + 1];
      equalEntries = 1;
    }
  }
}
