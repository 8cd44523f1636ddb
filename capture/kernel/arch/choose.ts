/** The architectures whose kernel memory can be read: one row for each e_machine. */
import { KernelError } from '../../errors.ts';
import { EM_AARCH64, EM_X86_64, MACHINES } from '../../vmcore/machines.ts';
import type { Arch, ArchFacts } from './arch.ts';
import { createArm64 } from './arm64.ts';
import { createX86_64 } from './x86_64.ts';

/** Each `create` throws KernelError when vmcoreinfo lacks what address translation needs. */
const ARCHES: Readonly<Record<number, ((vmcore: ArchFacts) => Arch) | undefined>> = {
  [EM_X86_64]: createX86_64,
  [EM_AARCH64]: createArm64,
};

/**
 * Degradable: without an architecture, physical pages can be read but virtual addresses cannot.
 * @throws KernelError when the table has no row for the machine, or as the row's function.
 */
export function chooseArch(vmcore: ArchFacts): Arch {
  const { e_machine } = vmcore.elf.header;
  const create = ARCHES[e_machine];
  if (create) return create(vmcore);
  const known = Object.keys(ARCHES).map(key => `${key} (${MACHINES[Number(key)]!.name})`);
  throw new KernelError(
    'ARCH_UNSUPPORTED',
    { action: 'translate kernel addresses', actual: `e_machine is ${e_machine}`, wanted: known.join(' or ') },
    { e_machine },
  );
}
