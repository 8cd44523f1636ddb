/**
 * Where in the file each byte of physical memory is: the PT_LOADs as sorted, disjoint segments, and lookups in them. In
 * /proc/vmcore (fs/proc/vmcore.c) each PT_LOAD is a range of System RAM, which may begin and end within a page. On x86-64
 * an additional one covers the kernel image, which is part of another range.
 */
import { counted } from '../errors.ts';
import type { ProgramHeader } from './elf.ts';
import { PT_LOAD } from './elf.ts';

export interface Segment {
  /** Physical addresses, half-open. */
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  /** How many bytes from `start` on the file holds: at most `end - start`. */
  readonly fileBytes: number;
}

export interface PfnRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Degradable: an impossible PT_LOAD is clipped or dropped, with a warning.
 * @returns `lacksMemory`: memory that exists, by its PT_LOAD, is not in `segments`.
 */
export function buildSegments(
  programHeaders: readonly ProgramHeader[],
  sourceBytes: number,
): { segments: Segment[]; warnings: string[]; lacksMemory: boolean } {
  const warnings: string[] = [];
  const found: Segment[] = [];
  let lacksMemory = false;
  programHeaders.forEach((header, index) => {
    if (header.p_type !== PT_LOAD || header.p_memsz === 0n) return;
    const segment = narrow(header, sourceBytes, text =>
      warnings.push(`PT_LOAD in program header ${index}: ${text}`),
    );
    if (segment) found.push(segment);
    const memoryBytes = segment ? segment.end - segment.start : 0;
    if (memoryBytes < header.p_memsz && mayBeMemory(header)) lacksMemory = true;
  });
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const segments: Segment[] = [];
  for (const segment of found) {
    const clipped = withoutOverlap(segment, segments.at(-1), warnings);
    if (clipped) segments.push(clipped);
  }
  const bounded = boundSegments(segments, sourceBytes, warnings);
  return { segments: bounded, warnings, lacksMemory: lacksMemory || bounded.length < segments.length };
}

/** The end of physical addresses of x86-64 and AArch64, which numbers hold exactly. */
export const MAX_PADDR = 2n ** 52n;
/** Of a PT_LOAD without a physical address: another one has its memory. */
const NOT_PADDR = 2n ** 64n - 1n;
/** Memory of which the file holds nothing takes a bit for each page too. No machine has more memory than this. */
const MOST_UNHELD_BYTES = 2 ** 46;

/**
 * kexec-tools on arm64 kernels without KALLSYMS_ALL (Debian's 6.1) cannot find the kernel's start ("Can't get the symbol of
 * _text") and writes a PT_LOAD for the image whose address and sizes are differences with 0. No machine has so much, and
 * the image's memory is in another PT_LOAD.
 */
function mayBeMemory({ p_paddr, p_filesz, p_memsz }: ProgramHeader): boolean {
  if (p_paddr === NOT_PADDR) return false;
  return p_memsz <= MAX_PADDR || p_filesz <= MAX_PADDR;
}

function narrow(
  header: ProgramHeader,
  sourceBytes: number,
  warn: (text: string) => void,
): Segment | undefined {
  const { p_paddr, p_memsz, p_offset } = header;
  if (p_paddr + p_memsz > MAX_PADDR) {
    warn(`ignored: it covers 0x${p_memsz.toString(16)} bytes from 0x${p_paddr.toString(16)} on`);
    return undefined;
  }
  const start = Number(p_paddr);
  const memoryBytes = Number(p_memsz);
  const wantedBytes = Math.min(Number(header.p_filesz), memoryBytes);
  const fileOffset = p_offset < BigInt(sourceBytes) ? Number(p_offset) : sourceBytes;
  const fileBytes = Math.min(wantedBytes, sourceBytes - fileOffset);
  if (fileBytes < wantedBytes) {
    warn(`truncated: the file lacks the last ${wantedBytes - fileBytes} bytes of 0x${start.toString(16)}`);
  }
  if (memoryBytes - fileBytes <= MOST_UNHELD_BYTES) {
    return { start, end: start + memoryBytes, fileOffset, fileBytes };
  }
  warn(`truncated: it covers 0x${p_memsz.toString(16)} bytes, of which the file holds ${fileBytes}`);
  return fileBytes === 0 ? undefined : { start, end: start + fileBytes, fileOffset, fileBytes };
}

function withoutOverlap(
  segment: Segment,
  before: Segment | undefined,
  warnings: string[],
): Segment | undefined {
  const overlapBytes = before ? before.end - segment.start : 0;
  if (overlapBytes <= 0) return segment;
  // The PT_LOAD of the kernel image is within a range of System RAM, as it should be.
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
 * Keeps damaged headers from asking for more bitmap than any machine needs: the file cannot hold more memory than it has
 * bytes, and only so much can be absent.
 */
function boundSegments(segments: readonly Segment[], sourceBytes: number, warnings: string[]): Segment[] {
  let heldBytes = 0;
  let unheldBytes = 0;
  const bounded = segments.filter(({ start, end, fileBytes }) => {
    const isPossible =
      heldBytes + fileBytes <= sourceBytes && unheldBytes + end - start - fileBytes <= MOST_UNHELD_BYTES;
    if (isPossible) {
      heldBytes += fileBytes;
      unheldBytes += end - start - fileBytes;
    }
    return isPossible;
  });
  const ignored = segments.length - bounded.length;
  if (ignored > 0)
    warnings.push(`${counted(ignored, 'PT_LOAD')} ignored: they cover more memory than there can be`);
  return bounded;
}

/**
 * The pfns of the segments, sorted and disjoint. A page is included when any byte of it is covered, so that no memory is
 * lost to rounding.
 * @param covered `memory`: all memory by p_memsz (the kdump format's first bitmap); `file`: only what the file holds.
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

/** Looks up addresses in sorted, disjoint segments. Fast when one lookup hits the segment of the last one. */
export class SegmentIndex {
  readonly segments: readonly Segment[];
  #lastHit = 0;

  constructor(segments: readonly Segment[]) {
    this.segments = segments;
  }

  /** One past the highest address; 0 without segments. */
  get maxPaddr(): number {
    return this.segments.at(-1)?.end ?? 0;
  }

  /** The segment of `paddr`, whether the file holds the byte or not. */
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

  /** The file offset of the byte at `paddr`; undefined when the file does not hold it. */
  fileOffset(paddr: number): number | undefined {
    const segment = this.at(paddr);
    if (!segment || paddr - segment.start >= segment.fileBytes) return undefined;
    return segment.fileOffset + (paddr - segment.start);
  }

  /** How many bytes from `paddr` on are contiguous in the file; 0 when the file does not hold the first one. */
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
