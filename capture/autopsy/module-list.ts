/** The loaded modules as lsmod and /proc/modules show them (m_show() in kernel/module/procfs.c). */
import { attempt } from '../errors.ts';
import type { DeadKernel, LoadedModule } from './kernel.ts';
import { listEntries } from './lists.ts';
import { type Findings, Problems, readEach } from './problems.ts';

export type ModuleState = 'Live' | 'Loading' | 'Unloading' | 'Unformed';

export interface ModuleRow {
  readonly name: string;
  /** Of its `struct module`. */
  readonly address: bigint;
  /** Where its code begins; absent for a module without any. */
  readonly base?: bigint;
  /** Code and data. */
  readonly sizeBytes: number;
  readonly state?: ModuleState;
  /** Letters as in /proc/modules: `OE`. */
  readonly taints?: string;
  /** Absent without CONFIG_MODULE_UNLOAD. */
  readonly references?: number;
  /** Modules that need it. */
  readonly usedBy: readonly string[];
}

/** Newest first. */
export function readModuleList(kernel: DeadKernel): Findings<ModuleRow[]> {
  const problems = new Problems();
  const names = new Map(kernel.modules.map(({ address, name }) => [address, name]));
  const canUnload = kernel.types.has('module.source_list');
  const found = kernel.modules.map(module => ({
    ...readRow(kernel, module, problems),
    ...(canUnload && readUse(kernel, module, names, problems)),
  }));
  return { found, problems: problems.sentences };
}

/** enum module_state. */
const STATES: Readonly<Record<number, ModuleState>> = {
  0: 'Live',
  1: 'Loading',
  2: 'Unloading',
  3: 'Unformed',
};

/** By bit, Documentation/admin-guide/tainted-kernels.rst. */
const TAINT_LETTERS = 'PFSRMBUDAWCIOELKXTNJ';

function readRow({ fields }: DeadKernel, module: LoadedModule, problems: Problems): ModuleRow {
  const { name, address, ranges } = module;
  const text = ranges.find(({ kind }) => kind === 'text');
  const state = attempt(() => STATES[fields.number(address, 'module.state')], problems.add);
  const taints = attempt(() => taintLetters(fields.integer(address, 'module.taints')), problems.add);
  return {
    name,
    address,
    ...(text && { base: text.start }),
    sizeBytes: ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ...(state && { state }),
    ...(taints !== undefined && { taints }),
    usedBy: [],
  };
}

export function taintLetters(bits: bigint): string {
  return [...TAINT_LETTERS].filter((_, bit) => (bits >> BigInt(bit)) & 1n).join('');
}

/** MODULE_REF_BASE in kernel/module/main.c: a module that is loaded holds itself once. */
const OWN_REFERENCES = 1;
const MOST_USERS = 4096;

/** How often it is in use, and by which modules. */
function readUse(
  kernel: DeadKernel,
  { address }: LoadedModule,
  names: ReadonlyMap<bigint, string>,
  problems: Problems,
): Pick<ModuleRow, 'references' | 'usedBy'> {
  const { fields } = kernel;
  const references = attempt(() => fields.number(address, 'module.refcnt.counter'), problems.add);
  const users = listEntries(
    kernel,
    fields.address(address, 'module.source_list'),
    'module_use.source_list',
    MOST_USERS,
  );
  const nameOf = (use: bigint) => {
    const source = fields.pointer(use, 'module_use.source');
    return names.get(source) ?? fields.text(source, 'module.name');
  };
  return {
    ...(references !== undefined && { references: references - OWN_REFERENCES }),
    usedBy: readEach(users, nameOf, problems),
  };
}
