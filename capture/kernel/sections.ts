/**
 * Finds the struct page of each physical page: SPARSEMEM's mem_section, static or in roots (SPARSEMEM_EXTREME), with and
 * without VMEMMAP (include/linux/mmzone.h, mm/sparse.c). FLATMEM is not supported: 64-bit x86 and arm64 kernels do not
 * have it.
 */
import { counted, describeError, KernelError } from '../errors.ts';
import type { PfnRange } from '../vmcore/segments.ts';
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';
import type { KernelMemory } from './memory.ts';

/** The struct pages of adjacent pages, at consecutive kernel virtual addresses. */
export interface MemmapRange {
  /** Half-open. */
  readonly pfnStart: number;
  readonly pfnEnd: number;
  /** Of the struct page of `pfnStart`. */
  readonly vaddr: bigint;
  /** False for a memory block that was taken offline or never brought online: then the struct pages may be garbage. */
  readonly isOnline: boolean;
}

/** Flags in the low bits of section_mem_map. All of it below a page is flags: memmaps begin on a page. */
const SECTION_MARKED_PRESENT = 1;
const SECTION_HAS_MEM_MAP = 2;
const SECTION_IS_ONLINE = 4;
/** The section has struct pages. The kernel itself uses them only when it is online, too. */
const HAS_STRUCT_PAGES = SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP;
const POINTER_BYTES = 8;
/** x86-64 has 27, the others 24 to 30. */
const MIN_SECTION_BITS = 24;
const MAX_SECTION_BITS = 40;
/** How many sections of a static array make a group. */
const STATIC_GROUP = 256;

interface SectionTable {
  readonly pagesPerSection: number;
  readonly entryBytes: number;
  readonly mapOffset: number;
  /** Sections are read in groups of this many. */
  readonly groupSections: number;
  readonly groupCount: number;
  /** The address of a group; 0n for a hole. */
  groupVaddr(group: number): bigint;
}

/**
 * The memmap of the pages in `wanted` (sorted, disjoint), in order. Degradable: sections that cannot be read are skipped,
 * with a warning.
 * @throws KernelError when the table of sections cannot be found.
 */
export function* memmapRanges(
  memory: KernelMemory,
  vmcoreinfo: Vmcoreinfo,
  pageStructBytes: number,
  wanted: readonly PfnRange[],
  warnings: string[],
): Generator<MemmapRange, void> {
  const table = openSectionTable(memory, vmcoreinfo);
  const { pagesPerSection, groupSections } = table;
  const group = new Uint8Array(groupSections * table.entryBytes);
  const view = new DataView(group.buffer);
  let loaded = -1;
  let heldBytes = 0;
  let unreadable = 0;
  let firstCause: unknown;

  const load = (index: number): void => {
    loaded = index;
    heldBytes = 0;
    try {
      const vaddr = index < table.groupCount ? table.groupVaddr(index) : 0n;
      if (vaddr === 0n) return;
      heldBytes = memory.readVirtualUpTo(vaddr, group);
      if (heldBytes === 0) memory.readVirtualInto(vaddr, group.subarray(0, 1), 'struct mem_section');
    } catch (error) {
      unreadable++;
      firstCause ??= error;
    }
  };

  for (const range of wanted) {
    let pfn = range.start;
    while (pfn < range.end) {
      const section = Math.floor(pfn / pagesPerSection);
      const index = Math.floor(section / groupSections);
      if (index !== loaded) load(index);
      if (heldBytes === 0) {
        pfn = (index + 1) * groupSections * pagesPerSection;
        continue;
      }
      const pfnEnd = Math.min(range.end, (section + 1) * pagesPerSection);
      const at = (section % groupSections) * table.entryBytes + table.mapOffset;
      if (at + POINTER_BYTES <= heldBytes) {
        const section_mem_map = view.getBigUint64(at, true);
        const flags = Number(section_mem_map & BigInt(memory.arch.pageSizeBytes - 1));
        if ((flags & HAS_STRUCT_PAGES) === HAS_STRUCT_PAGES) {
          // It is encoded as the address that the struct page of pfn 0 would have in one memmap of all memory.
          const coded = section_mem_map - BigInt(flags);
          const vaddr = BigInt.asUintN(64, coded + BigInt(pfn) * BigInt(pageStructBytes));
          yield { pfnStart: pfn, pfnEnd, vaddr, isOnline: (flags & SECTION_IS_ONLINE) !== 0 };
        }
      }
      pfn = pfnEnd;
    }
  }
  if (unreadable > 0) {
    warnings.push(
      `${counted(unreadable, 'group')} of ${groupSections} memory sections cannot be read, so their pages are kept: ${describeError(firstCause)}`,
    );
  }
}

function openSectionTable(memory: KernelMemory, vmcoreinfo: Vmcoreinfo): SectionTable {
  const action = 'find the memmap';
  const mem_section = vmcoreinfo.requireSymbol('mem_section', action);
  const entryBytes = vmcoreinfo.requireSize('mem_section', action);
  const mapOffset = vmcoreinfo.requireOffset('mem_section.section_mem_map', action);
  const lengthOfTable = vmcoreinfo.requireLength('mem_section', action);
  const SECTION_SIZE_BITS = vmcoreinfo.requireNumber('SECTION_SIZE_BITS', action);
  const MAX_PHYSMEM_BITS = vmcoreinfo.requireNumber('MAX_PHYSMEM_BITS', action);
  const { pageSizeBytes, pageShift } = memory.arch;
  const demand = (holds: boolean, actual: string, wanted: string) => {
    if (!holds) throw new KernelError('MEMMAP_SECTIONS', { action, actual, wanted });
  };
  demand(
    SECTION_SIZE_BITS >= MIN_SECTION_BITS && SECTION_SIZE_BITS <= MAX_SECTION_BITS,
    `SECTION_SIZE_BITS is ${SECTION_SIZE_BITS}`,
    `${MIN_SECTION_BITS} to ${MAX_SECTION_BITS}`,
  );
  demand(
    MAX_PHYSMEM_BITS > SECTION_SIZE_BITS && MAX_PHYSMEM_BITS <= 64,
    `MAX_PHYSMEM_BITS is ${MAX_PHYSMEM_BITS}`,
    `more than SECTION_SIZE_BITS (${SECTION_SIZE_BITS}) and at most 64`,
  );
  demand(
    entryBytes <= pageSizeBytes && mapOffset % POINTER_BYTES === 0 && mapOffset + POINTER_BYTES <= entryBytes,
    `SIZE(mem_section) is ${entryBytes} and section_mem_map is at byte ${mapOffset} of it`,
    'an aligned pointer within the structure, and a structure within a page',
  );
  const sections = 2 ** (MAX_PHYSMEM_BITS - SECTION_SIZE_BITS);
  const perRoot = Math.floor(pageSizeBytes / entryBytes);
  const shape = { pagesPerSection: 2 ** (SECTION_SIZE_BITS - pageShift), entryBytes, mapOffset };
  // Only one of the two has this many elements (NR_SECTION_ROOTS).
  const isExtreme = lengthOfTable === Math.ceil(sections / perRoot);
  if (isExtreme) {
    demand(
      Number.isInteger(Math.log2(perRoot)),
      `a page holds ${perRoot} of struct mem_section (${entryBytes} bytes)`,
      'a power of two',
    );
    return {
      ...shape,
      groupSections: perRoot,
      groupCount: lengthOfTable,
      groupVaddr: root =>
        memory.u64(mem_section + BigInt(root * POINTER_BYTES), 'a root of the memory sections'),
    };
  }
  return {
    ...shape,
    groupSections: STATIC_GROUP,
    groupCount: Math.ceil(Math.min(sections, lengthOfTable) / STATIC_GROUP),
    groupVaddr: group => mem_section + BigInt(group * STATIC_GROUP * entryBytes),
  };
}
