/**
 * Where in the file each byte of physical memory lies: the PT_LOADs as sorted, disjoint segments, and the lookups over
 * them. In /proc/vmcore (fs/proc/vmcore.c) each PT_LOAD is a range of System RAM and may begin or end off a page
 * boundary; on x86-64 one PT_LOAD more covers the kernel image and so describes memory that another one describes too.
 */
import type { ProgramHeader } from './elf.ts';
import { PT_LOAD } from './elf.ts';

export interface Segment {
  /** Physical addresses, half-open. */
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  /** How much of it the file holds, from `start` on: at most `end - start`. */
  readonly fileBytes: number;
}

export interface PfnRange {
  readonly start: number;
  readonly end: number;
}

/** Degradable: what cannot be true of a PT_LOAD is clipped or dropped, with a warning. */
export function buildSegments(
  programHeaders: readonly ProgramHeader[],
  sourceBytes: number,
): { segments: Segment[]; warnings: string[] } {
  const warnings: string[] = [];
  const found: Segment[] = [];
  programHeaders.forEach((header, index) => {
    if (header.p_type !== PT_LOAD || header.p_memsz === 0n) return;
    const segment = narrow(header, sourceBytes, text =>
      warnings.push(`PT_LOAD in program header ${index}: ${text}`),
    );
    if (segment) found.push(segment);
  });
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const segments: Segment[] = [];
  for (const segment of found) {
    const clipped = withoutOverlap(segment, segments.at(-1), warnings);
    if (clipped) segments.push(clipped);
  }
  return { segments, warnings };
}

/** The largest physical address that numbers hold exactly; above any that x86-64 (52 bits) or AArch64 (52) has. */
export const MAX_PADDR = BigInt(Number.MAX_SAFE_INTEGER);

function narrow(
  header: ProgramHeader,
  sourceBytes: number,
  warn: (text: string) => void,
): Segment | undefined {
  const { p_paddr, p_memsz, p_offset } = header;
  if (p_paddr + p_memsz > MAX_PADDR) {
    warn(`dropped, it covers 0x${p_memsz.toString(16)} bytes from 0x${p_paddr.toString(16)} on`);
    return undefined;
  }
  const start = Number(p_paddr);
  const memoryBytes = Number(p_memsz);
  const wantedBytes = Math.min(Number(header.p_filesz), memoryBytes);
  const fileOffset = p_offset < BigInt(sourceBytes) ? Number(p_offset) : sourceBytes;
  const fileBytes = Math.min(wantedBytes, sourceBytes - fileOffset);
  if (fileBytes < wantedBytes) {
    warn(`cut, the file ends ${wantedBytes - fileBytes} bytes before the end of 0x${start.toString(16)}`);
  }
  return { start, end: start + memoryBytes, fileOffset, fileBytes };
}

function withoutOverlap(
  segment: Segment,
  before: Segment | undefined,
  warnings: string[],
): Segment | undefined {
  const overlapBytes = before ? before.end - segment.start : 0;
  if (overlapBytes <= 0) return segment;
  // The kernel image's own PT_LOAD lies within a range of System RAM. That is how it should be.
  if (segment.end <= before!.end) return undefined;
  warnings.push(
    `two PT_LOADs cover 0x${segment.start.toString(16)} to 0x${before!.end.toString(16)}; the lower one is used`,
  );
  return {
    start: before!.end,
    end: segment.end,
    fileOffset: segment.fileOffset + Math.min(overlapBytes, segment.fileBytes),
    fileBytes: Math.max(0, segment.fileBytes - overlapBytes),
  };
}

/**
 * The pfns that the segments touch, sorted and disjoint: a page belongs when any byte of it is covered, so that no byte
 * of the machine's memory is lost to rounding. `covered: 'memory'` counts what p_memsz says exists (the kdump format's
 * first bitmap), `'file'` only what the file holds.
 */
export function pfnRanges(
  segments: readonly Segment[],
  pageSizeBytes: number,
  covered: 'memory' | 'file' = 'memory',
): PfnRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const segment of segments) {
    const endPaddr = covered === 'memory' ? segment.end : segment.start + segment.fileBytes;
    if (endPaddr === segment.start) continue;
    const start = Math.floor(segment.start / pageSizeBytes);
    const end = Math.ceil(endPaddr / pageSizeBytes);
    const last = ranges.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else ranges.push({ start, end });
  }
  return ranges;
}

/** Looks up one address among sorted, disjoint segments, fast when asked in runs. */
export class SegmentIndex {
  readonly segments: readonly Segment[];
  #lastHit = 0;

  constructor(segments: readonly Segment[]) {
    this.segments = segments;
  }

  /** One past the highest address that exists; 0 when none does. */
  get maxPaddr(): number {
    return this.segments.at(-1)?.end ?? 0;
  }

  /** The segment that holds `paddr`, in the file or not. */
  at(paddr: number): Segment | undefined {
    const hit = this.segments[this.#lastHit];
    if (hit && paddr >= hit.start && paddr < hit.end) return hit;
    const index = this.#firstEndingAfter(paddr);
    const segment = this.segments[index];
    if (!segment || paddr < segment.start) return undefined;
    this.#lastHit = index;
    return segment;
  }

  /** The first segment at or above `paddr`, to skip a hole. */
  atOrAfter(paddr: number): Segment | undefined {
    return this.segments[this.#firstEndingAfter(paddr)];
  }

  /** Where in the file the byte at `paddr` lies; undefined when the file does not hold it. */
  fileOffset(paddr: number): number | undefined {
    const segment = this.at(paddr);
    if (!segment || paddr - segment.start >= segment.fileBytes) return undefined;
    return segment.fileOffset + (paddr - segment.start);
  }

  /** How many bytes from `paddr` on lie next to each other in the file; 0 when the file does not hold it. */
  fileRunBytes(paddr: number): number {
    const segment = this.at(paddr);
    return segment ? Math.max(0, segment.start + segment.fileBytes - paddr) : 0;
  }

  #firstEndingAfter(paddr: number): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.segments[middle]!.end <= paddr) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
