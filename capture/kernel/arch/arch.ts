/** What differs between architectures in the crashed kernel's memory. */
import type { ReadPhysical } from '../../vmcore/open.ts';

/** Where a kernel virtual address lies, and for how many bytes from there on the mapping stays contiguous. */
export interface Translation {
  readonly paddr: number;
  readonly lengthBytes: number;
}

/** What the page tables say of an address. */
export interface Leaf extends Translation {
  readonly isExecutable: boolean;
}

export interface Arch {
  /** As `uname -m` says it. */
  readonly name: string;
  readonly pageShift: number;
  readonly pageSizeBytes: number;
  /** Undefined when the crashed kernel had nothing mapped there, or its page tables lead nowhere. Never throws for that. */
  translate(vaddr: bigint, readPhysical: ReadPhysical): Translation | undefined;
  /** By the page tables alone, also where `translate` knows without them. */
  walk(vaddr: bigint, readPhysical: ReadPhysical): Leaf | undefined;
}
