/** Which architecture a vmcore is of: one row for each that we know. */
import { KernelError } from '../../errors.ts';
import { EM_X86_64 } from '../../vmcore/elf.ts';
import type { Vmcore } from '../../vmcore/open.ts';
import type { Arch } from './arch.ts';
import { createX86_64 } from './x86_64.ts';

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
      wanted: `x86-64 (${EM_X86_64})`,
    },
    { e_machine },
  );
}
