/** What differs between architectures in the crashed kernel's memory, and which one a vmcore needs. */
import { KernelError } from '../../errors.ts';
import { EM_X86_64 } from '../../vmcore/elf.ts';
import type { ReadPhysical, Vmcore } from '../../vmcore/open.ts';
import { createX86_64 } from './x86_64.ts';

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

/**
 * Degradable: without an architecture virtual addresses cannot be read, physical pages can.
 * @throws KernelError when the machine is none of ours, or vmcoreinfo lacks what address translation needs.
 */
export function chooseArch(vmcore: Pick<Vmcore, 'elf' | 'vmcoreinfo'>): Arch {
  const { e_machine } = vmcore.elf.header;
  if (e_machine === EM_X86_64) return createX86_64(vmcore);
  throw new KernelError(
    'ARCH_UNSUPPORTED',
    {
      action: 'translate kernel addresses',
      actual: `e_machine is ${e_machine}`,
      wanted: `x86-64 (${EM_X86_64}) is supported`,
    },
    { e_machine },
  );
}
