/**
 * The vmcore of a real machine, grown to any size: its memory, its page tables and its table of sections are kept, and
 * memory is added above it. Each section of the added memory has the struct pages of one of the real machine's sections, so
 * that the memmap is as fragmented as the real one. Struct pages do not hold their own address or number, and no block of
 * pages is larger than a section, so that a section's struct pages are valid for any other section.
 *
 * The memmap of 24 TB has 384 GiB, so the file does not hold it: the kernel's page tables map all of it to as many copies of
 * the real struct pages as do not fit into a processor's caches. The added memory itself is a hole in the file: zeros.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { planDump } from '../../capture/filter/plan.ts';
import { ZeroPageDetector } from '../../capture/filter/zero-page.ts';
import { type Crash, openCrash } from '../../capture/kernel/crash.ts';
import type { KernelMemory } from '../../capture/kernel/memory.ts';
import { decodePageLayout } from '../../capture/kernel/page-layout.ts';
import { memmapRanges } from '../../capture/kernel/sections.ts';
import { type ProgramHeader, PT_LOAD, PT_NOTE } from '../../capture/vmcore/elf.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { type PfnRange, pfnRanges } from '../../capture/vmcore/segments.ts';
import { encodeCoreHead } from './core-head.ts';
import { TableWriter } from './table-writer.ts';

const PAGE = 4096;
/** More than the caches of any processor hold: 1 GiB of struct pages, where a section has 2 MiB. */
const DEFAULT_SLOTS = 512;
/** A root of mem_section covers 32 GiB on x86-64. The added memory begins at a root that the real machine does not have. */
const START_MULTIPLE_BYTES = 2 ** 36;

export interface TiledMachine {
  /** The vmcore of a real machine. x86-64 only. */
  readonly source: string;
  /** The new file. Its file system must allow files as large as the machine: a tmpfs does. */
  readonly path: string;
  /** Of the added memory, in whole sections. */
  readonly addedBytes: number;
  /** How many copies of struct pages there are. */
  readonly slots?: number;
  /** What a dump of this level keeps of the source is in the new file; all else is holes. */
  readonly level?: number;
}

export interface Tiling {
  readonly pagesPerSection: number;
  /** The real machine's sections that were taken. */
  readonly tiles: readonly PfnRange[];
  readonly added: PfnRange;
  /** How many sections of the added memory look like each of `tiles`. */
  readonly sectionsOfTile: readonly number[];
}

/** A section of the real machine, and its struct pages. */
interface Tile {
  readonly pfns: PfnRange;
  readonly memmap: Uint8Array;
}

/** @throws RangeError when the vmcore has no section to take or no room for tables, and what the file system throws. */
export function writeTiledMachine({
  source,
  path,
  addedBytes,
  slots = DEFAULT_SLOTS,
  level = 31,
}: TiledMachine): Tiling {
  const input = openVmcoreFile(source, undefined);
  const fd = openSync(path, 'wx', 0o600);
  try {
    const crash = openCrash(input);
    const { vmcore, memory } = crash;
    if (!memory) throw new RangeError(`the memory of ${source} cannot be read: ${crash.warnings.join('; ')}`);
    const { tiles, vmemmap, structBytes, pagesPerSection } = wholeSections(crash, memory);
    const sections = addedBytes / (pagesPerSection * PAGE);
    const start = Math.ceil(vmcore.segments.maxPaddr / START_MULTIPLE_BYTES) * START_MULTIPLE_BYTES;
    const slotBytes = tiles[0].memmap.length;

    const { loads, notes } = headersOf(vmcore.elf.programHeaders);
    const added = { ...loads[0], p_flags: 7, p_paddr: BigInt(start), p_vaddr: 0n, p_align: 0n };
    const size = BigInt(addedBytes);
    const head = encodeCoreHead(
      vmcore.elf.header,
      [...loads, { ...added, p_filesz: size, p_memsz: size }],
      notes.length > 0 ? vmcore.noteBytes : new Uint8Array(),
    );
    ftruncateSync(fd, head.endOffset);
    writeSync(fd, head.bytes, 0, head.bytes.length, 0);

    const { bitmap2 } = planDump(crash, level);
    const page = Buffer.alloc(PAGE);
    const zeros = new ZeroPageDetector(PAGE);
    const offsetOf = (paddr: number) =>
      loads.flatMap(({ p_paddr, p_filesz }, index) => {
        const at = paddr - Number(p_paddr);
        return at >= 0 && at < Number(p_filesz) ? [head.offsets[index] + at] : [];
      });
    for (const [index, { p_paddr, p_offset, p_filesz }] of loads.entries()) {
      const [paddr, offset, bytes] = [p_paddr, p_offset, p_filesz].map(Number);
      for (let at = 0; at < bytes; at += PAGE) {
        if (!bitmap2.has(Math.floor((paddr + at) / PAGE))) continue;
        const held = input.readAt(page.subarray(0, Math.min(PAGE, bytes - at)), offset + at);
        if (!zeros.isZero(page, 0)) writeSync(fd, page, 0, held, head.offsets[index] + at);
      }
    }

    const tables = new TableWriter(crash, memory, freePages(crash, memory));
    const sectionsOfTile = tiles.map(() => 0);
    const slotOffset = head.offsets.at(-1)!;
    for (let slot = 0; slot < slots; slot++) {
      const { memmap } = tiles[slot % tiles.length];
      writeSync(fd, memmap, 0, slotBytes, slotOffset + slot * slotBytes);
    }
    for (let i = 0; i < sections; i++) {
      const section = start / (pagesPerSection * PAGE) + i;
      // Neighbours differ, as they do in a machine.
      const slot = (i * 211) % slots;
      sectionsOfTile[slot % tiles.length]++;
      tables.addSection(section, vmemmap);
      tables.mapLarge(vmemmap + BigInt(section * pagesPerSection * structBytes), start + slot * slotBytes);
    }
    for (const { paddr, bytes } of tables.pages())
      for (const offset of offsetOf(paddr)) writeSync(fd, bytes, 0, PAGE, offset);
    return {
      pagesPerSection,
      tiles: tiles.map(({ pfns }) => pfns),
      added: { start: start / PAGE, end: (start + addedBytes) / PAGE },
      sectionsOfTile,
    };
  } finally {
    closeSync(fd);
    input.close();
  }
}

function headersOf(headers: readonly ProgramHeader[]) {
  return {
    loads: headers.filter(({ p_type, p_filesz }) => p_type === PT_LOAD && p_filesz > 0n),
    notes: headers.filter(({ p_type }) => p_type === PT_NOTE),
  };
}

/** The sections that are online and wholly in the vmcore: those with the crash kernel's reservation are not. */
function wholeSections({ vmcore }: Crash, memory: KernelMemory) {
  const { layout } = decodePageLayout(vmcore.vmcoreinfo);
  if (!layout) throw new RangeError('the layout of struct page is not known');
  const { structBytes } = layout;
  const pagesPerSection = 2 ** vmcore.vmcoreinfo.requireNumber('SECTION_SIZE_BITS', 'find sections') / PAGE;
  const held = pfnRanges(vmcore.segments.segments, PAGE, 'file');
  const tiles: Tile[] = [];
  let vmemmap: bigint | undefined;
  for (const { pfnStart, pfnEnd, vaddr, isOnline } of memmapRanges(
    memory,
    vmcore.vmcoreinfo,
    structBytes,
    held,
    [],
  )) {
    vmemmap ??= vaddr - BigInt(pfnStart * structBytes);
    if (!isOnline || pfnEnd - pfnStart !== pagesPerSection) continue;
    const memmap = new Uint8Array(pagesPerSection * structBytes);
    if (memory.readVirtualUpTo(vaddr, memmap) < memmap.length) continue;
    tiles.push({ pfns: { start: pfnStart, end: pfnEnd }, memmap });
  }
  if (tiles.length === 0 || vmemmap === undefined) throw new RangeError('the vmcore holds no whole section');
  return { tiles, vmemmap, structBytes, pagesPerSection };
}

/** Pages for tables: free ones, which are in the file and which nothing of the real machine needs. */
function* freePages(crash: Crash, memory: KernelMemory): Generator<{ vaddr: bigint; paddr: number }> {
  const [all, used] = [0, 16].map(level => planDump(crash, level).bitmap2);
  const { segments, vmcoreinfo } = crash.vmcore;
  const roots = vmcoreinfo.requireSymbol('mem_section', 'find the direct map');
  const directMap =
    memory.pointer(roots, 'the first root') - BigInt(memory.translate(memory.pointer(roots))!.paddr);
  for (let pfn = all.nextSet(0); pfn < all.sizeBits; pfn = all.nextSet(pfn + 1)) {
    const paddr = pfn * PAGE;
    const vaddr = directMap + BigInt(paddr);
    const isUsable = !used.has(pfn) && segments.fileRunBytes(paddr) >= PAGE;
    if (isUsable && memory.translate(vaddr)?.paddr === paddr) yield { vaddr, paddr };
  }
}
