/** The machine's memory nodes (struct pglist_data, include/linux/mmzone.h). */
import { KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { hasVariable, intVariable } from './variables.ts';

export interface MemoryNode {
  readonly id: number;
  /** Of its `struct pglist_data`. */
  readonly address: bigint;
}

/** MAX_NUMNODES is at most 1 << 10 (CONFIG_NODES_SHIFT). */
const MOST_NODES = 1024;
const POINTER_BYTES = 8;

/**
 * Ascending. @throws AutopsyError without the symbol; KernelError
 */
export function* memoryNodes({
  memory,
  symbols,
  fields,
  vmcoreinfo,
}: Pick<DeadKernel, 'memory' | 'symbols' | 'fields' | 'vmcoreinfo'>): Generator<MemoryNode> {
  const array = symbols.address('node_data');
  if (array === undefined) {
    // Without CONFIG_NUMA.
    yield { id: 0, address: symbols.require('contig_page_data') };
    return;
  }
  const length = Math.min(vmcoreinfo.length('node_data') ?? possibleNodes({ memory, symbols }), MOST_NODES);
  for (const { id, address } of usedSlots(memory, array, length)) {
    const ownId = fields.number(address, 'pglist_data.node_id');
    if (ownId !== id)
      throw new KernelError(
        'MEMORY_NODE',
        { action: 'read the memory nodes', actual: `node ${id} is called ${ownId}`, wanted: 'its number' },
        { address },
      );
    yield { id, address };
  }
}

/** Page by page: of a thousand slots, one or two are used. */
function* usedSlots(memory: DeadKernel['memory'], array: bigint, length: number): Generator<MemoryNode> {
  const { pageSizeBytes } = memory.arch;
  for (let id = 0; id < length; ) {
    const at = array + BigInt(POINTER_BYTES * id);
    const inPage = Number(at % BigInt(pageSizeBytes));
    const slots = Math.max(1, Math.floor((pageSizeBytes - inPage) / POINTER_BYTES));
    const bytes = memory.readVirtual(at, Math.min(slots, length - id) * POINTER_BYTES, 'node_data');
    for (const address of new BigUint64Array(bytes.buffer)) {
      if (address !== 0n) yield { id, address };
      id++;
    }
  }
}

/** arm64's vmcoreinfo does not say how long the array is. What is behind its end is another variable. */
function possibleNodes(kernel: Pick<DeadKernel, 'memory' | 'symbols'>): number {
  return hasVariable(kernel, 'nr_node_ids') ? intVariable(kernel, 'nr_node_ids') : MOST_NODES;
}
