/**
 * Which parts of a vmcore may be mapped: each window is within one PT_LOAD.
 *
 * A mapping of /proc/vmcore that crosses a PT_LOAD boundary is several remap_pfn_range() calls, and x86 refuses one whose
 * pages have different cache modes (reserve_pfn_range() and pfnmap_setup_cachemode() in arch/x86/mm/pat/memtype.c).
 */

/** File offsets, half-open. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The longest mapping: long enough that its cost per page is negligible. V8 counts it as memory of its own: with 16 MiB, the process of the
 * autopsy (AUTOPSY_FLAGS) went through its whole heap when it began to help with the dump.
 */
export const MAPPING_BYTES = 8 << 20;
/** The largest page size of any architecture. A mapping begins at a multiple of it from the start of its range. */
const STEP_BYTES = 64 << 10;
/** Smaller ranges are read: a mapping costs as much as reading some pages. UEFI machines have dozens of such ranges. */
const SMALLEST_BYTES = 64 << 10;

export class MappableRanges {
  /** Sorted, disjoint; whole pages. */
  readonly #ranges: readonly FileRange[];

  /** @param loads the file ranges of the PT_LOADs, in any order. What is not a whole page of one of them is left out. */
  constructor(loads: readonly FileRange[], pageSizeBytes: number) {
    const ranges: FileRange[] = [];
    const sorted = loads.toSorted((a, b) => a.start - b.start);
    sorted.forEach((load, index) => {
      const start = Math.ceil(load.start / pageSizeBytes) * pageSizeBytes;
      // The kernel's ranges never overlap. Those of a damaged file must not cross each other's boundaries either.
      const limit = Math.min(load.end, sorted[index + 1]?.start ?? load.end);
      const end = Math.floor(limit / pageSizeBytes) * pageSizeBytes;
      if (end - start >= SMALLEST_BYTES) ranges.push({ start, end });
    });
    this.#ranges = ranges;
  }

  /** A small mapping to try first; undefined when nothing is to be mapped. */
  get probe(): FileRange | undefined {
    const first = this.#ranges[0];
    return first && { start: first.start, end: first.start + SMALLEST_BYTES };
  }

  /** The mapping that shows `lengthBytes` bytes from `offset` on; undefined when they are not within one range. */
  mappingOf(offset: number, lengthBytes: number): FileRange | undefined {
    const range = this.#rangeAt(offset);
    if (!range || offset + lengthBytes > range.end) return undefined;
    const start = offset - ((offset - range.start) % STEP_BYTES);
    const end = Math.min(start + MAPPING_BYTES, range.end);
    return offset + lengthBytes <= end ? { start, end } : undefined;
  }

  #rangeAt(offset: number): FileRange | undefined {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.end <= offset) low = middle + 1;
      else high = middle;
    }
    const range = this.#ranges[low];
    return range && offset >= range.start ? range : undefined;
  }
}
