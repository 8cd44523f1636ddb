/** NUMA nodes: the machine's memory and CPUs in equal shares, and what the first kernel must see of them. */
import type { Expectation } from '../expect/check.ts';
import { says } from '../expect/expectations.ts';

/** QEMU options. A machine of one node needs none. CPUs beyond the last even share are on the last node. */
export function nodeOptions(nodes: number, memoryMib: number, cpus: number): string[] {
  if (nodes === 1) return [];
  const share = Math.floor(cpus / nodes);
  return Array.from({ length: nodes }, (_, node) => {
    const last = node === nodes - 1;
    const mib = last ? memoryMib - node * Math.floor(memoryMib / nodes) : Math.floor(memoryMib / nodes);
    const [from, to] = [node * share, last ? cpus - 1 : (node + 1) * share - 1];
    const own = to >= from ? `,cpus=${from}-${to}` : '';
    return [
      ...['-object', `memory-backend-ram,id=node${node}-memory,size=${mib}M`],
      ...['-numa', `node,nodeid=${node}${own},memdev=node${node}-memory`],
    ];
  }).flat();
}

/** Shell command of the first kernel. */
export const REPORT_NODES = 'say "$(ls -d /sys/devices/system/node/node? | wc -l) nodes"';

export function seesNodes(nodes: number): Expectation {
  return says(`the kernel sees ${nodes} nodes`, new RegExp(`^lab: ${nodes} nodes$`));
}
