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
