/** A small crashed machine with a memmap: mem_section, struct pages at their virtual addresses, and the pages themselves. */
import { type Crash, openCrash } from '../../capture/kernel/crash.ts';
import type { ByteSource } from '../../capture/vmcore/source.ts';
import { KernelBuilder } from './kernel-builder.ts';
import { GENERATIONS, type Generation, STRUCT_BYTES, StructPages } from './memmap-builder.ts';
import { MemorySource, type NoteSpec } from './vmcore-builder.ts';

/** What x86-64 has; one memmap of a section is 2 MiB. */
export const SECTION_SIZE_BITS = 27;
export const SECTION_PAGES = 2 ** (SECTION_SIZE_BITS - 12);
const SECTION_MEMMAP_BYTES = SECTION_PAGES * STRUCT_BYTES;
const VMEMMAP = { 4: 0xffffea0000000000n, 5: 0xffd4000000000000n };
/** With SPARSEMEM without VMEMMAP, each section has its own memmap somewhere in the direct map. */
const APART_PADDR = 0xc00000;
const VMEMMAP_PADDR = 0x5000000;
export const ROOTS_PADDR = 0xa00000;
export const SECTIONS_PADDR = 0xa10000;
const [PRESENT, HAS_MEM_MAP, ONLINE, EARLY] = [1n, 2n, 4n, 8n];
export const ONLINE_SECTION = PRESENT | HAS_MEM_MAP | ONLINE | EARLY;
const ENTRY_BYTES = 16;
const PER_ROOT = 4096 / ENTRY_BYTES;

export interface MachineSpec {
  generation?: Generation;
  levels?: 4 | 5;
  /** How mem_section is laid out. */
  sections?: 'extreme' | 'static';
  memmap?: 'vmemmap' | 'apart';
  /** The sections that exist; two by default. */
  sectionNumbers?: readonly number[];
  sectionFlags?: bigint;
  /** How the memmap is mapped: all of it, or only the struct pages of the test pages. */
  mapping?: 'huge2M' | 'page' | 'test pages';
  vmcoreinfo?: Readonly<Record<string, string | number | undefined>>;
}

/** The pages of each section that tests may set up, from FIRST_PAGE on. All of them are present. */
export const FIRST_PAGE = 16384;
export const TEST_PAGES = 64;

export class MemmapMachine {
  readonly builder: KernelBuilder;
  readonly spec: MachineSpec;
  readonly #structPages = new Map<number, StructPages>();
  readonly #codedMemmaps = new Map<number, bigint>();
  readonly #lost: number[] = [];

  constructor(spec: MachineSpec = {}) {
    this.spec = spec;
    const generation = spec.generation ?? GENERATIONS.at(-1)!;
    const isStatic = spec.sections === 'static';
    const physBits = isStatic ? 36 : spec.levels === 4 ? 46 : 52;
    const sections = 2 ** (physBits - SECTION_SIZE_BITS);
    const direct = spec.levels === 4 ? 0xffff888000000000n : 0xff11000000000000n;
    this.builder = new KernelBuilder({
      levels: spec.levels ?? 5,
      vmcoreinfo: {
        ...generation.vmcoreinfo,
        'SYMBOL(mem_section)': (direct + BigInt(isStatic ? SECTIONS_PADDR : ROOTS_PADDR)).toString(16),
        'SIZE(mem_section)': ENTRY_BYTES,
        'OFFSET(mem_section.section_mem_map)': 0,
        'LENGTH(mem_section)': isStatic ? sections : sections / PER_ROOT,
        'NUMBER(SECTION_SIZE_BITS)': SECTION_SIZE_BITS,
        'NUMBER(MAX_PHYSMEM_BITS)': physBits,
        ...spec.vmcoreinfo,
      },
    });
    const { memory } = this.builder;
    memory.page(ROOTS_PADDR / 4096);
    memory.page(SECTIONS_PADDR / 4096);
    memory.page(SECTIONS_PADDR / 4096 + 1);
    for (const [i, number] of (spec.sectionNumbers ?? [0, 1]).entries()) {
      this.#structPages.set(number, new StructPages(generation, TEST_PAGES));
      const memmap = this.#placeMemmap(number, i);
      this.#codedMemmaps.set(number, BigInt.asUintN(64, memmap - BigInt(number * SECTION_MEMMAP_BYTES)));
      this.setSection(number, this.codedMemmap(number) | (spec.sectionFlags ?? ONLINE_SECTION));
      for (let pfn = 0; pfn < TEST_PAGES; pfn++) memory.page(number * SECTION_PAGES + FIRST_PAGE + pfn);
    }
    if (!isStatic) {
      for (const number of this.#structPages.keys()) {
        const root = Math.floor(number / PER_ROOT);
        this.setRoot(root, this.builder.directMap + BigInt(this.#rootPaddr(root)));
      }
    }
  }

  /** The struct pages of a section's test pages; index 0 is FIRST_PAGE. */
  pages(section = 0): StructPages {
    return this.#structPages.get(section)!;
  }

  /** A section's section_mem_map without its flags. */
  codedMemmap(section: number): bigint {
    return this.#codedMemmaps.get(section)!;
  }

  /** Of page 0's struct page. */
  get vmemmap(): bigint {
    return VMEMMAP[this.builder.levels];
  }

  setSection(number: number, section_mem_map: bigint): void {
    const at =
      this.spec.sections === 'static'
        ? SECTIONS_PADDR + number * ENTRY_BYTES
        : this.#rootPaddr(Math.floor(number / PER_ROOT)) + (number % PER_ROOT) * ENTRY_BYTES;
    this.builder.memory.u64(at, section_mem_map);
  }

  setRoot(root: number, vaddr: bigint): void {
    this.builder.memory.u64(ROOTS_PADDR + root * 8, vaddr);
  }

  /** The physical address of the struct page of a section's test page. */
  structPaddr(section: number, index: number): number {
    const slot = (this.spec.sectionNumbers ?? [0, 1]).indexOf(section);
    const base = (this.spec.memmap === 'apart' ? APART_PADDR : VMEMMAP_PADDR) + slot * SECTION_MEMMAP_BYTES;
    return base + (FIRST_PAGE + index) * STRUCT_BYTES;
  }

  /** Removes a page from the vmcore, whatever is written to it. */
  lose(paddr: number): void {
    this.#lost.push(Math.floor(paddr / 4096));
  }

  /** @param notesFirst before those of the CPUs. */
  bytes(notesFirst: readonly NoteSpec[] = []): Uint8Array {
    const { memory } = this.builder;
    for (const [section, pages] of this.#structPages) {
      memory.write(
        this.structPaddr(section, -FIRST_PAGE),
        new StructPages(pages.generation, SECTION_PAGES).bytes,
      );
      memory.write(this.structPaddr(section, 0), pages.bytes);
    }
    for (const pfn of this.#lost) memory.remove(pfn);
    return this.builder.build(notesFirst);
  }

  crash(wrap: (source: ByteSource) => ByteSource = source => source): Crash {
    return openCrash(wrap(new MemorySource(this.bytes())));
  }

  #rootPaddr(root: number): number {
    return SECTIONS_PADDR + (root % 16) * 4096;
  }

  #placeMemmap(number: number, slot: number): bigint {
    if (this.spec.memmap === 'apart') {
      return this.builder.directMap + BigInt(APART_PADDR + slot * SECTION_MEMMAP_BYTES);
    }
    const vaddr = this.vmemmap + BigInt(number * SECTION_MEMMAP_BYTES);
    const paddr = VMEMMAP_PADDR + slot * SECTION_MEMMAP_BYTES;
    if ((this.spec.mapping ?? 'huge2M') === 'huge2M') {
      this.builder.map(vaddr, paddr, 'huge2M');
      return vaddr;
    }
    const isWhole = this.spec.mapping === 'page';
    const start = isWhole ? 0 : FIRST_PAGE * STRUCT_BYTES;
    const end = isWhole ? SECTION_MEMMAP_BYTES : start + TEST_PAGES * STRUCT_BYTES;
    for (let at = start; at < end; at += 4096) {
      this.builder.map(vaddr + BigInt(at), paddr + at, 'page');
    }
    return vaddr;
  }
}
