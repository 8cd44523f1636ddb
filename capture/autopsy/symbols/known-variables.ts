/**
 * Variables of a kernel that has the functions alone in kallsyms (no CONFIG_KALLSYMS_ALL): those that it exports to modules, and
 * those of each CPU, whose section is where the exported ones of it are.
 */
import type { KernelMemory } from '../../kernel/memory.ts';
import type { Btf } from '../types/btf.ts';
import { perCpuOffsets } from '../types/per-cpu-section.ts';
import { exportedAddresses } from './exported-variables.ts';
import type { ImageSymbols } from './image-symbols.ts';

/** Of the exported per-CPU variables; kernels have dozens. */
const LEAST_WITNESSES = 4;

export interface Source {
  readonly memory: KernelMemory;
  /** The end of the code: read-only data follow. */
  readonly codeEnd: bigint;
  readonly btf: Btf | undefined;
}

/** @returns undefined where the dump does not have the table of exported symbols. */
export function withKnownVariables(
  image: ImageSymbols,
  { memory, codeEnd, btf }: Source,
): ImageSymbols | undefined {
  const exported = exportedAddresses(memory, codeEnd);
  if (exported.size === 0) return undefined;
  const variables = new Map([...(btf ? perCpuVariables(perCpuOffsets(btf), exported) : []), ...exported]);
  return {
    ...image,
    all(name) {
      const own = image.all(name);
      const address = variables.get(name);
      return own.length > 0 || address === undefined ? own : [{ name, address, type: 'D' }];
    },
  };
}

/** Their addresses in the section of the image, from which each CPU's are counted; none where the exported ones disagree. */
function perCpuVariables(
  offsets: ReadonlyMap<string, number>,
  exported: ReadonlyMap<string, bigint>,
): readonly (readonly [string, bigint])[] {
  const starts = [...offsets].flatMap(([name, offset]) => {
    const address = exported.get(name);
    return address === undefined ? [] : [BigInt.asUintN(64, address - BigInt(offset))];
  });
  const [start] = starts;
  if (start === undefined || starts.length < LEAST_WITNESSES || starts.some(other => other !== start))
    return [];
  return [...offsets].map(([name, offset]) => [name, start + BigInt(offset)]);
}
