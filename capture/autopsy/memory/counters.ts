/**
 * The counters that the kernel keeps over the whole machine: vm_zone_stat and vm_node_stat in mm/vmstat.c, arrays of
 * atomic_long_t with an element for each enumerator of zone_stat_item and node_stat_item. A counter moves from one to the
 * other between kernels (NR_PAGETABLE did in v5.11), so its enum is looked up by its name.
 */
import type { DeadKernel } from '../kernel.ts';

const ARRAYS = [
  { symbol: 'vm_node_stat', items: 'node_stat_item' },
  { symbol: 'vm_zone_stat', items: 'zone_stat_item' },
] as const;
const COUNTER_BYTES = 8n;

export type Counters = (name: string) => number | undefined;

/**
 * The counter of that name, undefined when this kernel has none. Most count pages; what the kernel would print is never
 * negative, although the sum of what its CPUs have flushed can be.
 * @throws AutopsyError without types or symbols; KernelError
 */
export function openCounters({
  memory,
  symbols,
  types,
}: Pick<DeadKernel, 'memory' | 'symbols' | 'types'>): Counters {
  const addresses = new Map<string, bigint>();
  for (const { symbol, items } of ARRAYS) {
    const array = symbols.require(symbol);
    for (const { name, value } of types.enumerators(items))
      addresses.set(name, array + COUNTER_BYTES * value);
  }
  return name => {
    const address = addresses.get(name);
    if (address === undefined) return undefined;
    const count = BigInt.asIntN(64, memory.u64(address, name));
    return count > 0n ? Number(count) : 0;
  };
}
