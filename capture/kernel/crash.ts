/** What the vmcore alone tells about the crash, before anything is written. */
import { describeError } from '../errors.ts';
import { MACHINES } from '../vmcore/machines.ts';
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

/** @throws VmcoreError when the source is not a vmcore. Everything after that degrades to a warning. */
export function openCrash(source: ByteSource): Crash {
  return crashOf(openVmcore(source));
}

/** For a vmcore of any format. Never throws. */
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
    : utsnameFromVmcoreinfo(vmcore.vmcoreinfo, MACHINES[vmcore.elf.header.e_machine]?.name);
  return { vmcore, memory, utsname, warnings };
}
