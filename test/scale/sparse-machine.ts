/**
 * The vmcore of a machine of any size, as a file with holes: real page tables, mem_section and memmap. Some sections are
 * in use; all others are free and share one section's memmap, which the page tables can say and the file then need not hold.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { KernelBuilder } from '../support/kernel-builder.ts';
import {
  ANON_MAPPING,
  FILE_MAPPING,
  GENERATIONS,
  STRUCT_BYTES,
  StructPages,
} from '../support/memmap-builder.ts';
import { ONLINE_SECTION, SECTION_PAGES, SECTION_SIZE_BITS } from '../support/memmap-machine.ts';
import { buildVmcore } from '../support/vmcore-builder.ts';

const PAGE = 4096;
const SECTION_BYTES = 2 ** SECTION_SIZE_BITS;
const MEMMAP_BYTES = SECTION_PAGES * STRUCT_BYTES;
const MAX_PHYSMEM_BITS = 52;
const ENTRY_BYTES = 16;
const PER_ROOT = PAGE / ENTRY_BYTES;
const ROOTS = 2 ** (MAX_PHYSMEM_BITS - SECTION_SIZE_BITS) / PER_ROOT;
/** Within the 16 MiB that the builder's direct map covers. */
const ROOTS_PADDR = 0xa00000;
const SECTIONS_PADDR = 0xb00000;
const VMEMMAP = 0xffd4000000000000n;
/** One memmap of a free section, and then those of the sections in use. */
const MEMMAPS_PADDR = 0x5000000;
/** The last GiB below 4 is a hole, as on a PC. */
const HOLE_START = 3 * 2 ** 30;
const HOLE_END = 4 * 2 ** 30;
const DATA_OFFSET = 1 << 20;
/** Of each 1024 pages of a section in use: the kernel's, with something in them, and then user's, cache, free. */
const [KERNEL_END, USER_END, CACHE_END, CHUNK_PAGES] = [64, 512, 768, 1024];

export interface SparseMachine {
  readonly path: string;
  /** Of memory. */
  readonly sizeBytes: number;
  /** In use; the first holds the kernel. */
  readonly usedSections: number;
}

/** Returns how many pages a dump at level 31 has to keep. */
export function writeSparseMachine({ path, sizeBytes, usedSections }: SparseMachine): number {
  const endPaddr = sizeBytes <= HOLE_START ? sizeBytes : sizeBytes + (HOLE_END - HOLE_START);
  const builder = kernel(endPaddr, usedSections);
  const loads: [number, number][] = [[0, Math.min(endPaddr, HOLE_START)]];
  if (endPaddr > HOLE_END) loads.push([HOLE_END, endPaddr]);
  let offset: number = DATA_OFFSET;
  const placed = loads.map(([start, end]) => {
    const load = { start, end, offset };
    offset += end - start;
    return load;
  });
  const head = buildVmcore({
    vmcoreinfo: builder.vmcoreinfo,
    loads: placed.map(load => ({
      paddr: load.start,
      bytes: new Uint8Array(),
      p_offset: BigInt(load.offset),
      p_filesz: BigInt(load.end - load.start),
    })),
  });
  const fd = openSync(path, 'w', 0o600);
  try {
    ftruncateSync(fd, offset);
    writeSync(fd, head.subarray(0, DATA_OFFSET), 0, Math.min(head.length, DATA_OFFSET), 0);
    // All that is not a hole is at low addresses.
    for (const { paddr, bytes } of builder.memory.loads()) {
      writeSync(fd, bytes as Uint8Array, 0, bytes.length, DATA_OFFSET + Number(paddr));
    }
    return writeUsedPages(fd, usedSections);
  } finally {
    closeSync(fd);
  }
}

function kernel(endPaddr: number, usedSections: number): KernelBuilder {
  const generation = GENERATIONS.at(-1)!;
  const builder = new KernelBuilder({
    records: [{ text: 'Kernel panic - not syncing: a large machine' }],
    vmcoreinfo: {
      ...generation.vmcoreinfo,
      'SYMBOL(mem_section)': (0xff11000000000000n + BigInt(ROOTS_PADDR)).toString(16),
      'SIZE(mem_section)': ENTRY_BYTES,
      'OFFSET(mem_section.section_mem_map)': 0,
      'LENGTH(mem_section)': ROOTS,
      'NUMBER(SECTION_SIZE_BITS)': SECTION_SIZE_BITS,
      'NUMBER(MAX_PHYSMEM_BITS)': MAX_PHYSMEM_BITS,
    },
  });
  const { memory } = builder;
  for (let at = 0; at < ROOTS * 8; at += PAGE) memory.page((ROOTS_PADDR + at) / PAGE);
  const sections = Math.ceil(endPaddr / SECTION_BYTES);
  for (let section = 0; section < sections; section++) {
    const isHole = section * SECTION_BYTES >= HOLE_START && section * SECTION_BYTES < HOLE_END;
    if (section % PER_ROOT === 0) {
      const root = section / PER_ROOT;
      memory.u64(ROOTS_PADDR + root * 8, builder.directMap + BigInt(SECTIONS_PADDR + root * PAGE));
    }
    if (isHole) continue;
    // Sections code the address that page 0 would have: the same for all with VMEMMAP.
    memory.u64(SECTIONS_PADDR + section * ENTRY_BYTES, VMEMMAP | ONLINE_SECTION);
    const slot = section < usedSections ? 1 + section : 0;
    builder.map(VMEMMAP + BigInt(section * MEMMAP_BYTES), MEMMAPS_PADDR + slot * MEMMAP_BYTES, 'huge2M');
  }
  const free = new StructPages(generation, SECTION_PAGES);
  for (let page = 0; page < SECTION_PAGES; page += CHUNK_PAGES) free.free(page, 10);
  memory.write(MEMMAPS_PADDR, free.bytes);
  const used = new StructPages(generation, SECTION_PAGES);
  for (let page = 0; page < SECTION_PAGES; page++) {
    const inChunk = page % CHUNK_PAGES;
    if (inChunk < KERNEL_END) continue;
    if (inChunk < USER_END) used.set(page, { flags: ['lru', 'swapbacked'], mapping: ANON_MAPPING });
    else if (inChunk < CACHE_END) used.set(page, { flags: ['lru'], mapping: FILE_MAPPING });
    else if (inChunk === CACHE_END) used.free(page, 8);
  }
  for (let slot = 1; slot <= usedSections; slot++) {
    memory.write(MEMMAPS_PADDR + slot * MEMMAP_BYTES, used.bytes);
  }
  return builder;
}

/** Something in the kernel's pages, where the builder put nothing. */
function writeUsedPages(fd: number, usedSections: number): number {
  const page = Buffer.alloc(PAGE);
  let kept = 0;
  for (let pfn = 0; pfn < usedSections * SECTION_PAGES; pfn++) {
    if (pfn % CHUNK_PAGES >= KERNEL_END) continue;
    kept++;
    if (pfn < SECTION_PAGES) continue;
    for (let at = 0; at < PAGE; at += 16)
      page.writeUInt32LE(Math.imul(pfn + (at >> 6), 0x9e3779b1) >>> 0, at);
    writeSync(fd, page, 0, PAGE, DATA_OFFSET + pfn * PAGE);
  }
  return kept;
}
