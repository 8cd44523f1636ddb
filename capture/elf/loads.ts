/**
 * The PT_LOADs of a filtered ELF core, as makedumpfile -E makes them: each PT_LOAD of the vmcore is split after every gap of
 * 256 omitted pages. Shorter gaps are written, because another PT_LOAD costs readers more. A gap is the end of its PT_LOAD
 * that the file does not hold (p_filesz below p_memsz).
 */
import type { Bitmap } from '../filter/bitmap.ts';
import { type ProgramHeader, PT_LOAD } from '../vmcore/elf.ts';
import type { Vmcore } from '../vmcore/open.ts';

/** PFN_EXCLUDED */
const GAP_PAGES = 256;

export interface Load {
  readonly p_flags: number;
  readonly p_align: bigint;
  readonly p_vaddr: bigint;
  readonly p_paddr: number;
  readonly p_memsz: number;
  readonly p_filesz: number;
  /** The offset of its bytes in the vmcore. */
  readonly sourceOffset: number;
  /** The last part of its PT_LOAD. */
  readonly isLast: boolean;
}

export interface LoadsInput {
  readonly vmcore: Pick<Vmcore, 'elf' | 'source' | 'pageSizeBytes'>;
  /** Pages to keep; without zero pages if those are left out. */
  readonly kept: Bitmap;
}

/** In the order of the vmcore's program headers. Recomputed for each pass, because there may be millions. */
export function* filteredLoads({ vmcore, kept }: LoadsInput): Generator<Load, void> {
  for (const header of vmcore.elf.programHeaders) {
    const extent = extentOf(header, vmcore.source.sizeBytes);
    if (extent) yield* splitLoad(header, extent, kept, vmcore.pageSizeBytes);
  }
}

/** Physical addresses of a PT_LOAD, limited to what is possible. */
interface Extent {
  readonly start: number;
  readonly end: number;
  /** The file holds its bytes up to this address. */
  readonly heldEnd: number;
}

function extentOf(header: ProgramHeader, sourceBytes: number): Extent | undefined {
  const { p_type, p_paddr, p_memsz, p_filesz, p_offset } = header;
  // The kernel's NOT_PADDR, all ones, is out of range too.
  if (p_type !== PT_LOAD || p_memsz === 0n || p_paddr + p_memsz > BigInt(Number.MAX_SAFE_INTEGER)) return;
  const start = Number(p_paddr);
  const memoryBytes = Number(p_memsz);
  const roomBytes = p_offset < BigInt(sourceBytes) ? sourceBytes - Number(p_offset) : 0;
  const heldBytes = Math.min(Number(p_filesz), memoryBytes, roomBytes);
  return { start, end: start + memoryBytes, heldEnd: start + heldBytes };
}

function* splitLoad(
  header: ProgramHeader,
  { start, end, heldEnd }: Extent,
  kept: Bitmap,
  pageSizeBytes: number,
): Generator<Load, void> {
  const load = (from: number, fileEnd: number, to: number, isLast: boolean): Load => ({
    p_flags: header.p_flags,
    p_align: header.p_align,
    p_vaddr: BigInt.asUintN(64, header.p_vaddr + BigInt(from - start)),
    p_paddr: from,
    p_memsz: to - from,
    p_filesz: Math.max(0, fileEnd - from),
    sourceOffset: Number(header.p_offset) + (from - start),
    isLast,
  });
  const endPfn = Math.min(Math.ceil(heldEnd / pageSizeBytes), kept.sizeBits);
  let from = start;
  // The part before the first whole page is always kept.
  let fileEnd = Math.min(Math.ceil(start / pageSizeBytes) * pageSizeBytes, heldEnd);
  let pfn = kept.nextSet(Math.ceil(start / pageSizeBytes), endPfn);
  while (pfn < endPfn) {
    const runStart = pfn * pageSizeBytes;
    if (runStart - Math.max(fileEnd, from) >= GAP_PAGES * pageSizeBytes) {
      yield load(from, fileEnd, runStart, false);
      from = runStart;
    }
    const runEnd = kept.nextClear(pfn, endPfn);
    fileEnd = Math.min(runEnd * pageSizeBytes, heldEnd);
    pfn = kept.nextSet(runEnd, endPfn);
  }
  yield load(from, fileEnd, end, true);
}
