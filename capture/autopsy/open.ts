/** Opens the crashed kernel in a vmcore, of any format, for an autopsy. What is missing costs its part. */
import { AutopsyError, attempt, counted, describeError } from '../errors.ts';
import { chooseArch } from '../kernel/arch/choose.ts';
import { KernelMemory } from '../kernel/memory.ts';
import { type ReadPhysical, readPhysical, type Vmcore } from '../vmcore/open.ts';
import { boundedReads, REPORT_EFFORT } from './effort.ts';
import { FieldReader } from './fields.ts';
import type { DeadKernel, LoadedModule, Types } from './kernel.ts';
import { loadedModules } from './loaded-modules.ts';
import { ANY_VARIABLE } from './memory/variables.ts';
import { cachedReads } from './page-cache.ts';
import { KernelPerCpu } from './per-cpu.ts';
import { exportedImage, type ImageSymbols, kallsymsImage } from './symbols/image-symbols.ts';
import { Kallsyms } from './symbols/kallsyms.ts';
import { scanForTables } from './symbols/kallsyms-scan.ts';
import { exportedTables } from './symbols/kallsyms-tables.ts';
import { withKnownVariables } from './symbols/known-variables.ts';
import { KernelSymbols } from './symbols/symbols.ts';
import { keptTables, type OpenTable, wholeTables } from './table.ts';
import { moduleLayouts, vmlinuxLayouts } from './types/find-btf.ts';
import type { Layouts } from './types/layouts.ts';
import { noTypes } from './types/no-types.ts';

/** Large pages, of arm64. */
const LEAST_CACHED_PAGES = 16;
/** Modules whose types are kept. */
const MOST_OPEN_MODULES = 8;

/**
 * @param watch is put around the reader of memory.
 * @throws KernelError when virtual addresses cannot be read: of another architecture, or without its page tables.
 */
export function openAutopsy(
  vmcore: Vmcore,
  watch: (read: ReadPhysical) => ReadPhysical = read => read,
  effort = REPORT_EFFORT,
): DeadKernel {
  const { vmcoreinfo, pageSizeBytes } = vmcore;
  const missing: string[] = [];
  const miss = (error: unknown) => void missing.push(describeError(error));
  const cached = cachedReads(
    (paddr, into) => readPhysical(vmcore, paddr, into),
    pageSizeBytes,
    Math.max(LEAST_CACHED_PAGES, effort.cachedBytes / pageSizeBytes),
  );
  const bounded = boundedReads(cached, effort.mostReads);
  const arch = chooseArch(vmcore);
  const memory = new KernelMemory(arch, watch(bounded));
  const openTable =
    effort.tablePages === undefined
      ? wholeTables(memory)
      : keptTables(memory, new KernelMemory(arch, bounded), effort.tablePages);
  const source = { memory, vmcore, openTable };
  const listed = openImage(source, missing);
  const layouts = openLayouts(source, listed.image, missing);
  const image = listed.lacksVariables
    ? withVariables(listed.image, { memory, vmcoreinfo, layouts, missing })
    : listed.image;
  const types: Types = layouts instanceof Error ? noTypes(layouts) : layouts;
  const fields = new FieldReader(memory, types);
  const [list] = image.all('modules');
  const modules =
    list && types.has('module.list') ? loadedModules({ memory, types, fields }, list.address, miss) : [];
  const symbols = new KernelSymbols(image, { memory, fields }, modules, (module, error) =>
    missing.push(`symbols of the module ${module.name}: ${describeError(error)}`),
  );
  const kernel = { vmcore, vmcoreinfo, memory, symbols, types, fields, modules, missing };
  return {
    ...kernel,
    perCpu: new KernelPerCpu(kernel, miss),
    moduleTypes: moduleTypesOf(kernel, layouts),
  };
}

const FUNCTIONS_ALONE =
  'kallsyms has the functions alone (the kernel was built without CONFIG_KALLSYMS_ALL): tasks, CPUs and memory cannot be found without its variables';
const EXPORTS_ALONE =
  'kallsyms has the functions alone (the kernel was built without CONFIG_KALLSYMS_ALL): of its variables, those are known that it exports to modules, those of each CPU, and the list of modules';

interface Opened {
  readonly layouts: Layouts | Error;
  readonly missing: string[];
}

function withVariables(
  image: ImageSymbols,
  { layouts, missing, ...source }: Pick<DeadKernel, 'memory' | 'vmcoreinfo'> & Opened,
): ImageSymbols {
  const [end] = image.all('_etext');
  const readable = layouts instanceof Error ? undefined : layouts;
  const known =
    end && attempt(() => withKnownVariables(image, { ...source, codeEnd: end.address, layouts: readable }));
  // Most of what else is missing is missing for this reason.
  missing.unshift(known ? EXPORTS_ALONE : FUNCTIONS_ALONE);
  return known ?? image;
}

interface ListedImage {
  readonly image: ImageSymbols;
  /** It was built without CONFIG_KALLSYMS_ALL, as Debian's 6.1 for arm64 and no other of its kernels for our architectures. */
  readonly lacksVariables: boolean;
}

interface Source {
  readonly memory: KernelMemory;
  readonly vmcore: Vmcore;
  readonly openTable: OpenTable;
}

function openImage({ memory, vmcore: { vmcoreinfo }, openTable }: Source, missing: string[]): ListedImage {
  const isExported = vmcoreinfo.symbol('kallsyms_names') !== undefined;
  const kallsyms = attempt(
    () =>
      new Kallsyms(
        isExported
          ? exportedTables(memory, vmcoreinfo, openTable)
          : scanForTables(memory, vmcoreinfo, openTable),
        vmcoreinfo,
      ),
    error => missing.push(describeError(error)),
  );
  if (!kallsyms) return { image: exportedImage(vmcoreinfo), lacksVariables: false };
  missing.push(...kallsyms.warnings);
  const image = kallsymsImage(kallsyms);
  const isWhole = kallsyms.warnings.length === 0;
  return { image, lacksVariables: isWhole && image.all(ANY_VARIABLE).length === 0 };
}

function openLayouts(
  { memory, vmcore: { vmcoreinfo }, openTable }: Source,
  image: ImageSymbols,
  missing: string[],
): Layouts | Error {
  try {
    const layouts = vmlinuxLayouts(memory, vmcoreinfo, name => image.all(name)[0]?.address, openTable);
    if (layouts.btf.warning !== undefined) missing.push(layouts.btf.warning);
    return layouts;
  } catch (error) {
    missing.push(describeError(error));
    return error as Error;
  }
}

function moduleTypesOf(
  kernel: Pick<DeadKernel, 'memory' | 'symbols' | 'types' | 'fields' | 'modules'>,
  vmlinux: Layouts | Error,
): (name: string) => Types {
  const opened = new Map<LoadedModule, Types>();
  return name => {
    const module = kernel.modules.find(loaded => loaded.name === name);
    if (!module) {
      throw new AutopsyError('NO_MODULE', {
        action: `look up types of the module ${name}`,
        actual: 'it is not loaded',
        wanted: `one of ${counted(kernel.modules.length, 'loaded module')}`,
      });
    }
    if (vmlinux instanceof Error) return noTypes(vmlinux);
    const known = opened.get(module);
    if (known) return known;
    const types = moduleLayouts(kernel, vmlinux, module);
    const [oldest] = opened.keys();
    if (oldest && opened.size === MOST_OPEN_MODULES) opened.delete(oldest);
    opened.set(module, types);
    return types;
  };
}
