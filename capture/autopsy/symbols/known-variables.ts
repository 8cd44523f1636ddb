/**
 * Variables of a kernel that has the functions alone in kallsyms (no CONFIG_KALLSYMS_ALL): those of vmcoreinfo, those that it
 * exports to modules, and those of each CPU, whose section is where the exported ones of it are.
 */
import { attempt } from '../../errors.ts';
import type { KernelMemory } from '../../kernel/memory.ts';
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { type ImagePart, readWithGaps } from '../image-scan.ts';
import type { Layouts } from '../types/layouts.ts';
import { type PerCpuSection, perCpuSection } from '../types/per-cpu-section.ts';
import { findCrashNotes } from './crash-notes.ts';
import { exportedAddresses } from './exported-variables.ts';
import type { ImageSymbols } from './image-symbols.ts';
import { findModuleList } from './module-list-head.ts';

/** Of the exported per-CPU variables; kernels have dozens. */
const LEAST_WITNESSES = 4;
/** In the data of the image. */
const IN_DATA = 'init_task';
/** Of its data; Debian's have 3 MiB. */
const MOST_DATA_BYTES = 64 << 20;

export interface Source {
  readonly memory: KernelMemory;
  readonly vmcoreinfo: Vmcoreinfo;
  /** The end of the code: read-only data follow. */
  readonly codeEnd: bigint;
  /** Undefined where the dump does not have BTF. */
  readonly layouts: Layouts | undefined;
}

/** @returns undefined where the dump does not have the table of exported symbols. */
export function withKnownVariables(
  image: ImageSymbols,
  { memory, vmcoreinfo, codeEnd, layouts }: Source,
): ImageSymbols | undefined {
  const exported = exportedAddresses(memory, codeEnd);
  if (exported.size === 0) return undefined;
  const data = attempt(() => dataAround(memory, exported.get(IN_DATA)));
  const variables = new Map<string, bigint>([
    ...ofVmcoreinfo(vmcoreinfo),
    ...(layouts ? perCpuVariables(perCpuSection(layouts.btf), exported) : []),
    ...(data
      ? ([
          ['_sdata', data.start],
          ['_end', data.end],
        ] as const)
      : []),
    ...exported,
  ]);
  const notes = data && attempt(() => crashNotes(memory, data, variables));
  if (notes !== undefined) variables.set('crash_notes', notes);
  const modules =
    data && layouts && attempt(() => moduleList({ memory, vmcoreinfo, layouts }, data, variables));
  if (modules !== undefined) variables.set('modules', modules);
  return {
    ...image,
    all(name) {
      const own = image.all(name);
      const address = variables.get(name);
      return own.length > 0 || address === undefined ? own : [{ name, address, type: 'D' }];
    },
  };
}

/** @throws KernelError for memory that the dump does not hold. */
function crashNotes(
  memory: KernelMemory,
  data: ImagePart,
  variables: ReadonlyMap<string, bigint>,
): bigint | undefined {
  const [start, table, mask] = ['__per_cpu_start', '__per_cpu_offset', '__cpu_possible_mask'].map(name =>
    variables.get(name),
  );
  if (start === undefined || table === undefined || mask === undefined) return undefined;
  const possible = memory.u64(mask);
  const cpus = FIRST_CPUS.filter(cpu => (possible >> cpu) & 1n);
  const offsets = cpus.map(cpu => memory.u64(table + 8n * cpu));
  return findCrashNotes(memory, data, { start, offsets });
}

/** Some of them stopped at any panic. */
const FIRST_CPUS = Array.from({ length: 64 }, (_, cpu) => BigInt(cpu));

/** @throws AutopsyError */
function moduleList(
  { memory, vmcoreinfo, layouts }: Pick<Source, 'memory' | 'vmcoreinfo'> & { readonly layouts: Layouts },
  data: ImagePart,
  variables: ReadonlyMap<string, bigint>,
): bigint | undefined {
  const start = variables.get('_stext');
  if (start === undefined) return undefined;
  const [from, to] = [vmcoreinfo.bigNumber('MODULES_VADDR'), vmcoreinfo.bigNumber('MODULES_END')];
  const area = from !== undefined && to !== undefined ? ([from, to] as const) : undefined;
  return findModuleList(memory, layouts, { start, data, area });
}

type Named = readonly (readonly [string, bigint])[];

function ofVmcoreinfo(vmcoreinfo: Vmcoreinfo): Named {
  return [...vmcoreinfo.keys()].flatMap(key => {
    const name = /^SYMBOL\((\w+)\)$/.exec(key)?.[1];
    const address = name === undefined ? undefined : vmcoreinfo.symbol(name);
    return name === undefined || address === undefined ? [] : [[name, address] as const];
  });
}

/** Their addresses in the section of the image, from which each CPU's are counted; none where the exported ones disagree. */
function perCpuVariables(
  { offsets, sizeBytes }: PerCpuSection,
  exported: ReadonlyMap<string, bigint>,
): Named {
  const starts = [...offsets].flatMap(([name, offset]) => {
    const address = exported.get(name);
    return address === undefined ? [] : [BigInt.asUintN(64, address - BigInt(offset))];
  });
  const [start] = starts;
  if (start === undefined || starts.length < LEAST_WITNESSES || starts.some(other => other !== start))
    return [];
  return [
    ...[...offsets].map(([name, offset]) => [name, start + BigInt(offset)] as const),
    ['__per_cpu_start', start],
    ['__per_cpu_end', start + BigInt(sizeBytes)],
  ];
}

/**
 * The image's data, in whole pages: on arm64 the memory of init, which the kernel unmaps, is before it, and nothing behind
 * (arch/arm64/kernel/vmlinux.lds.S). Undefined where the mapping goes on.
 */
function dataAround(memory: KernelMemory, within: bigint | undefined): ImagePart | undefined {
  if (within === undefined) return undefined;
  const { arch, readPhysical } = memory;
  const page = BigInt(arch.pageSizeBytes);
  const isMapped = (address: bigint) => arch.walk(address, readPhysical) !== undefined;
  const first = within - (within % page);
  let [start, end] = [first, first];
  while (isMapped(end) && end - first < MOST_DATA_BYTES) end += page;
  while (isMapped(start - page) && first - start < MOST_DATA_BYTES) start -= page;
  if (start === end || isMapped(end) || isMapped(start - page)) return undefined;
  return { start, end, bytes: readWithGaps(memory, start, Number(end - start)) };
}
