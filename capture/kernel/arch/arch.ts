/** What differs between architectures in the crashed kernel's memory. */
import type { ReadPhysical, Vmcore } from '../../vmcore/open.ts';

/** The physical address of a kernel virtual address, and for how many bytes from there on the mapping is contiguous. */
export interface Translation {
  readonly paddr: number;
  readonly lengthBytes: number;
}

/** A translation by the page tables. */
export interface Leaf extends Translation {
  readonly isExecutable: boolean;
}

/**
 * What tells a word of memory that may be a kernel pointer from others. Words are compared by their upper 32 bits, so that
 * a scan of all memory needs no bigint.
 */
export interface PointerFacts {
  /** Kernel addresses have at least this upper half. */
  readonly lowestHigh: number;
  /** Addresses in the kernel's image have at least this upper half; those of other memory have less. */
  readonly imageHigh: number;
}

/** Where tables of the last level are, by the address of a page that they map: with it a walk takes one read. */
export interface LastTables {
  find(page: number): number | undefined;
  add(page: number, paddr: number): void;
}

export interface Arch {
  /** As `uname -m` prints it. */
  readonly name: string;
  /** The vmcore's page size. */
  readonly pageShift: number;
  readonly pageSizeBytes: number;
  /** What one entry maps in the page table level above the last: most of the direct map has leaves of this size or larger. */
  readonly largeLeafBytes: number;
  readonly pointers: PointerFacts;
  /** THREAD_SIZE: a kernel stack's size and alignment. */
  readonly stackBytes: number;
  /**
   * Undefined when the crashed kernel had nothing mapped there, or its page tables are damaged. Does not throw for either.
   * @param tables are taken as they are where they are known.
   */
  translate(vaddr: bigint, readPhysical: ReadPhysical, tables?: LastTables): Translation | undefined;
  /** By the page tables alone, even where `translate` needs no page table. */
  walk(vaddr: bigint, readPhysical: ReadPhysical): Leaf | undefined;
}

/** The parts of a vmcore that an architecture is made from. */
export type ArchFacts = Pick<Vmcore, 'elf' | 'vmcoreinfo' | 'pageSizeBytes'>;
