/** What physical addresses are, as /proc/iomem lists them (Linux kernel/resource.c). */

/** Half-open. */
export interface IomemRange {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** 0 for a range that is within no other. */
  readonly depth: number;
}

const LINE = /^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$/gm;
const INDENT = 2;

/** In the order of the file. Whoever is not root sees zeros for all addresses: see `bytesShown`. */
export function iomemRanges(iomem: string): IomemRange[] {
  return [...iomem.matchAll(LINE)].map(([, indent, start, end, name]) => ({
    start: Number.parseInt(start!, 16),
    end: Number.parseInt(end!, 16) + 1,
    name: name!,
    depth: indent!.length / INDENT,
  }));
}

/** What the ranges have together; undefined where there are none, or their addresses are hidden. */
export function bytesShown(ranges: readonly IomemRange[]): number | undefined {
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return bytes > ranges.length ? bytes : undefined;
}

const SYSTEM_RAM = /^System RAM( |$)/;
/** What x86 addresses with page tables of four levels (Linux arch/x86/include/asm/sparsemem.h, MAX_PHYSMEM_BITS). */
const FOUR_LEVELS_END = 2 ** 46;

/** Whether all memory has addresses below 64 TiB; false where they are hidden. */
export function isBelow64Tib(iomem: string): boolean {
  const memory = iomemRanges(iomem).filter(({ name }) => SYSTEM_RAM.test(name));
  return bytesShown(memory) !== undefined && memory.every(({ end }) => end <= FOUR_LEVELS_END);
}
