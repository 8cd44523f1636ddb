/**
 * The machines whose cores are read: what an ELF core of each can be. `kernel/arch/choose.ts` has those whose kernel memory
 * can be read too.
 */

export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;

export interface Machine {
  /** As `uname -m` prints it. */
  readonly name: string;
  /** The page sizes that a kernel for it can have; the first is assumed when vmcoreinfo does not name one of them. */
  readonly pageSizesBytes: readonly number[];
}

/** By e_machine. */
export const MACHINES: Readonly<Record<number, Machine | undefined>> = {
  [EM_X86_64]: { name: 'x86_64', pageSizesBytes: [4096] },
  [EM_AARCH64]: { name: 'aarch64', pageSizesBytes: [4096, 16384, 65536] },
};

/** The e_machine of a machine that `uname -m` names; undefined for one that is not in the table. */
export function eMachineOf(name: string): number | undefined {
  const row = Object.entries(MACHINES).find(([, machine]) => machine!.name === name);
  return row && Number(row[0]);
}
