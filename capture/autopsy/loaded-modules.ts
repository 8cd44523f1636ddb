/** The list of loaded modules (struct module in include/linux/module.h): names and the memory of each. */
import type { DeadKernel, LoadedModule, ModuleRange } from './kernel.ts';
import { listEntries } from './lists.ts';

type Readable = Pick<DeadKernel, 'memory' | 'types' | 'fields'>;

export const MOST_MODULES = 4096;
/** No module is larger; a size above it is damaged. */
const MOST_MODULE_BYTES = 1 << 30;

/**
 * @param head of the list `modules`.
 * @param onError for what ended the list, or a module that cannot be read.
 */
export function loadedModules(
  kernel: Readable,
  head: bigint,
  onError: (error: unknown) => void,
): LoadedModule[] {
  const modules: LoadedModule[] = [];
  try {
    for (const address of listEntries(kernel, head, 'module.list', MOST_MODULES)) {
      const name = kernel.fields.text(address, 'module.name');
      modules.push({ name, address, ranges: rangesOf(kernel, address).filter(isUsable) });
    }
  } catch (error) {
    onError(error);
  }
  return modules;
}

function rangesOf({ types, fields }: Readable, module: bigint): ModuleRange[] {
  // Linux ac3b43283923 ("module: replace module_layout with module_memory"), v6.4.
  if (types.has('module.mem')) {
    const { elementBytes = 0, elements = 0 } = types.field('module.mem');
    const kinds = new Map(
      types.enumerators('mod_mem_type').map(({ name, value }) => [Number(value), kindOf(name)]),
    );
    return Array.from({ length: elements }, (_, i) => {
      const memory = module + BigInt(i * elementBytes);
      return {
        kind: kinds.get(i) ?? `${i}`,
        start: fields.pointer(memory, 'module.mem.base'),
        sizeBytes: fields.number(memory, 'module.mem.size'),
      };
    });
  }
  return ['core', 'init'].flatMap(part => {
    const start = fields.pointer(module, `module.${part}_layout.base`);
    const sizeBytes = fields.number(module, `module.${part}_layout.size`);
    const textBytes = Math.min(fields.number(module, `module.${part}_layout.text_size`), sizeBytes);
    const prefix = part === 'init' ? 'init_' : '';
    return [
      { kind: `${prefix}text`, start, sizeBytes: textBytes },
      { kind: `${prefix}data`, start: start + BigInt(textBytes), sizeBytes: sizeBytes - textBytes },
    ];
  });
}

/** MOD_INIT_TEXT is `init_text`. */
function kindOf(enumerator: string): string {
  return enumerator.replace(/^MOD_/, '').toLowerCase();
}

function isUsable({ start, sizeBytes }: ModuleRange): boolean {
  return start !== 0n && sizeBytes > 0 && sizeBytes <= MOST_MODULE_BYTES;
}

/** A part of a module that is at an address. */
export interface ModulePlace {
  readonly module: LoadedModule;
  readonly range: ModuleRange;
  readonly end: bigint;
}

/** Finds the part that an address is in, of the first module that has it: most words that are asked for are in none. */
export function placeFinder(modules: readonly LoadedModule[]): (address: bigint) => ModulePlace | undefined {
  const places = modules.flatMap(module =>
    module.ranges.map(range => ({ module, range, end: range.start + BigInt(range.sizeBytes) })),
  );
  const [first] = places;
  let [lowest, highest] = [first?.range.start ?? 0n, first?.end ?? 0n];
  for (const { range, end } of places) {
    if (range.start < lowest) lowest = range.start;
    if (end > highest) highest = end;
  }
  return address => {
    if (address < lowest || address >= highest) return undefined;
    for (const place of places) if (address >= place.range.start && address < place.end) return place;
    return undefined;
  };
}
