/** What the program headers of a vmcore promise and its file lacks, because the file was cut or a header is damaged. */
import { PT_LOAD } from './elf.ts';
import type { Vmcore } from './open.ts';
import { MAX_PADDR, type PfnRange } from './segments.ts';

export interface Shortfall {
  /** PT_LOADs that the file does not hold in full, or whose addresses are impossible. */
  readonly segments: number;
  /** The pages of which at least a part is missing; half-open, sorted, disjoint. */
  readonly ranges: readonly PfnRange[];
  /** Program headers that are not in the file. */
  readonly programHeaders: number;
}

/** e_phnum is this when section header 0 has the number (elf(5)); how many there are is then not checked. */
const PN_XNUM = 0xffff;
/** The kernel's -1 for a PT_LOAD without a physical address, whose memory another PT_LOAD has. */
const NOT_PADDR = 0xffff_ffff_ffff_ffffn;

/** @param max_mapnr the dump has no page from this on. */
export function shortfallOf(
  { elf, source, pageSizeBytes }: Pick<Vmcore, 'elf' | 'source' | 'pageSizeBytes'>,
  max_mapnr: number,
): Shortfall {
  let segments = 0;
  const missing: PfnRange[] = [];
  for (const { p_type, p_paddr, p_memsz, p_filesz, p_offset } of elf.programHeaders) {
    if (p_type !== PT_LOAD || p_memsz === 0n || p_filesz === 0n || p_paddr === NOT_PADDR) continue;
    if (p_paddr + p_memsz > MAX_PADDR) {
      segments++;
      continue;
    }
    const start = Number(p_paddr);
    const promisedBytes = Math.min(Number(p_filesz), Number(p_memsz));
    const roomBytes = p_offset < BigInt(source.sizeBytes) ? source.sizeBytes - Number(p_offset) : 0;
    const heldEnd = Math.min(start + Math.min(promisedBytes, roomBytes), max_mapnr * pageSizeBytes);
    if (heldEnd >= start + promisedBytes) continue;
    segments++;
    missing.push({
      start: Math.floor(Math.max(heldEnd, start) / pageSizeBytes),
      end: Math.ceil((start + promisedBytes) / pageSizeBytes),
    });
  }
  const { e_phnum } = elf.header;
  const programHeaders = e_phnum === PN_XNUM ? 0 : Math.max(0, e_phnum - elf.programHeaders.length);
  return { segments, ranges: joined(missing), programHeaders };
}

export function pagesOf(ranges: readonly PfnRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** On x86-64 the PT_LOAD of the kernel image repeats memory of another one. */
function joined(ranges: readonly PfnRange[]): PfnRange[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}
