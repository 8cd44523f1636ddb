/** The per-CPU variables of vmlinux, which BTF lists with their places in the section (Documentation/bpf/btf.rst, BTF_KIND_DATASEC). */
import type { Btf } from './btf.ts';
import { KIND } from './btf-format.ts';

const SECTION = Buffer.from('.data..percpu', 'latin1');
/** Of an entry: the number of the variable, its offset, its size. */
const ENTRY_BYTES = 12;
const OFFSET_AT = 4;

export interface PerCpuSection {
  readonly sizeBytes: number;
  /** Name -> offset in the section. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Empty where the kernel was built without them. */
export function perCpuSection(btf: Btf): PerCpuSection {
  const offsets = new Map<string, number>();
  let sizeBytes = 0;
  for (const { nameOffset, table, body, vlen, sizeOrType } of btf.ofKinds(1 << KIND.section)) {
    if (!btf.hasName(nameOffset, SECTION)) continue;
    sizeBytes = sizeOrType;
    for (let at = body; at < body + vlen * ENTRY_BYTES; at += ENTRY_BYTES) {
      const variable = btf.type(table.u32(at));
      if (variable?.kind === KIND.variable)
        offsets.set(btf.string(variable.nameOffset), table.u32(at + OFFSET_AT));
    }
  }
  return { sizeBytes, offsets };
}
