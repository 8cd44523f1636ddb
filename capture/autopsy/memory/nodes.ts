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
const POINTER_BYTES = 8n;

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
  for (let id = 0; id < length; id++) {
    const address = memory.u64(array + POINTER_BYTES * BigInt(id), 'node_data');
    if (address === 0n) continue;
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

/** arm64's vmcoreinfo does not say how long the array is. What is behind its end is another variable. */
function possibleNodes(kernel: Pick<DeadKernel, 'memory' | 'symbols'>): number {
  return hasVariable(kernel, 'nr_node_ids') ? intVariable(kernel, 'nr_node_ids') : MOST_NODES;
}
