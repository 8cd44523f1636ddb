/** What is known of the crash from the vmcore alone, before anything is written. */

import { describeError } from '../errors.ts';
import { EM_AARCH64, EM_X86_64 } from '../vmcore/elf.ts';
import { openVmcore, type Vmcore } from '../vmcore/open.ts';
import type { ByteSource } from '../vmcore/source.ts';
import type { KernelMemory } from './memory.ts';
import { KernelMemory as Memory } from './memory.ts';
import { readUtsname, type Utsname, utsnameFromVmcoreinfo } from './utsname.ts';

export interface Crash {
  readonly vmcore: Vmcore;
  /** Undefined when virtual addresses cannot be read: physical pages still can. */
  readonly memory: KernelMemory | undefined;
  readonly utsname: Utsname;
  readonly warnings: readonly string[];
}

/** As `uname -m` says it, for each machine that the ELF reader takes. */
const MACHINES: Readonly<Record<number, string | undefined>> = {
  [EM_X86_64]: 'x86_64',
  [EM_AARCH64]: 'aarch64',
};

/** @throws VmcoreError when the source is no vmcore; everything after that degrades to a warning. */
export function openCrash(source: ByteSource): Crash {
  return crashOf(openVmcore(source));
}

/** What a vmcore of any format tells. Never throws. */
export function crashOf(vmcore: Vmcore): Crash {
  const warnings = [...vmcore.warnings];
  let memory: KernelMemory | undefined;
  try {
    memory = Memory.of(vmcore);
  } catch (error) {
    warnings.push(describeError(error));
  }
  const utsname = memory
    ? readUtsname(memory, vmcore.vmcoreinfo, warnings)
    : utsnameFromVmcoreinfo(vmcore.vmcoreinfo, MACHINES[vmcore.elf.header.e_machine]);
  return { vmcore, memory, utsname, warnings };
}
