/** Adds memory to the tables of a crashed x86-64 kernel: the page tables of its memmap, and mem_section. */
import type { Crash } from '../../capture/kernel/crash.ts';
import type { KernelMemory } from '../../capture/kernel/memory.ts';
import { readPhysical, type Vmcore } from '../../capture/vmcore/open.ts';

const PAGE = 4096;
const START_KERNEL_MAP = 0xffffffff80000000n;
/** Present, writable, accessed, dirty. */
const TABLE_FLAGS = 0x63n;
/** The same for a leaf of 2 MiB (PSE), global and not executable. */
const LEAF_FLAGS = 0x80000000000001e3n;
const ADDRESS_MASK = 0x000ffffffffff000n;
const PMD_SHIFT = 21n;
/** Present, with a memmap, online, early (include/linux/mmzone.h). */
const SECTION_FLAGS = 0xfn;

export class TableWriter {
  readonly #vmcore: Vmcore;
  readonly #memory: KernelMemory;
  /** Changed and new pages, by physical address. */
  readonly #pages = new Map<number, Buffer>();
  readonly #room: Iterator<{ vaddr: bigint; paddr: number }>;
  readonly #rootPaddr: number;
  readonly #topShift: bigint;
  readonly #sectionTable: bigint;
  readonly #entryBytes: number;
  readonly #mapOffset: number;
  #lastRoot = -1;
  #lastRootPaddr = 0;

  /** @param room pages for new tables. */
  constructor({ vmcore }: Crash, memory: KernelMemory, room: Iterator<{ vaddr: bigint; paddr: number }>) {
    const { vmcoreinfo } = vmcore;
    const action = 'add memory';
    this.#vmcore = vmcore;
    this.#memory = memory;
    this.#room = room;
    const directory = vmcoreinfo.requireSymbol('swapper_pg_dir', action) - START_KERNEL_MAP;
    this.#rootPaddr = Number(directory) + vmcoreinfo.requireNumber('phys_base', action);
    this.#topShift = vmcoreinfo.number('pgtable_l5_enabled') ? 48n : 39n;
    this.#sectionTable = vmcoreinfo.requireSymbol('mem_section', action);
    this.#entryBytes = vmcoreinfo.requireSize('mem_section', action);
    this.#mapOffset = vmcoreinfo.requireOffset('mem_section.section_mem_map', action);
  }

  /** Maps 2 MiB. @throws RangeError when something is mapped there. */
  mapLarge(vaddr: bigint, paddr: number): void {
    let table = this.#rootPaddr;
    for (let shift = this.#topShift; ; shift -= 9n) {
      const at = Number((vaddr >> shift) & 511n) * 8;
      const page = this.#page(table);
      const entry = page.readBigUInt64LE(at);
      if (shift === PMD_SHIFT) {
        if (entry !== 0n) throw new RangeError(`0x${vaddr.toString(16)} is mapped already`);
        page.writeBigUInt64LE(BigInt(paddr) | LEAF_FLAGS, at);
        return;
      }
      if (entry === 0n) {
        const next = this.#newPage();
        page.writeBigUInt64LE(BigInt(next.paddr) | TABLE_FLAGS, at);
        table = next.paddr;
      } else table = Number(entry & ADDRESS_MASK);
    }
  }

  /** Adds a section whose memmap is in `vmemmap`. */
  addSection(section: number, vmemmap: bigint): void {
    const perRoot = PAGE / this.#entryBytes;
    const root = Math.floor(section / perRoot);
    if (root !== this.#lastRoot) {
      const slot = this.#memory.translate(this.#sectionTable + BigInt(root * 8))!.paddr;
      const page = this.#page(slot - (slot % PAGE));
      if (page.readBigUInt64LE(slot % PAGE) !== 0n) throw new RangeError(`section ${section} exists already`);
      const next = this.#newPage();
      page.writeBigUInt64LE(next.vaddr, slot % PAGE);
      this.#lastRoot = root;
      this.#lastRootPaddr = next.paddr;
    }
    const at = (section % perRoot) * this.#entryBytes + this.#mapOffset;
    this.#page(this.#lastRootPaddr).writeBigUInt64LE(vmemmap | SECTION_FLAGS, at);
  }

  *pages(): Generator<{ paddr: number; bytes: Buffer }> {
    for (const [paddr, bytes] of this.#pages) yield { paddr, bytes };
  }

  #newPage(): { vaddr: bigint; paddr: number } {
    const { value, done } = this.#room.next();
    if (done) throw new RangeError('the vmcore has too few free pages for the tables of more memory');
    this.#pages.set(value.paddr, Buffer.alloc(PAGE));
    return value;
  }

  #page(paddr: number): Buffer {
    let page = this.#pages.get(paddr);
    if (!page) {
      page = Buffer.alloc(PAGE);
      if (readPhysical(this.#vmcore, paddr, page) < PAGE)
        throw new RangeError(`the vmcore does not hold the table at 0x${paddr.toString(16)}`);
      this.#pages.set(paddr, page);
    }
    return page;
  }
}
