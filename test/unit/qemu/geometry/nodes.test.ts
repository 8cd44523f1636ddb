import { expect, test } from 'vitest';
import { nodeOptions } from '../../../../qemu/geometry/nodes.ts';

const numa = (nodes: number, memoryMib: number, cpus: number) =>
  nodeOptions(nodes, memoryMib, cpus).filter(word => word !== '-object' && word !== '-numa');

test('a machine of one node has no options', () => {
  expect(nodeOptions(1, 1024, 4)).toEqual([]);
});

test('memory and CPUs are shared, and the last node has what is over', () => {
  expect(numa(2, 1023, 3)).toEqual([
    'memory-backend-ram,id=node0-memory,size=511M',
    'node,nodeid=0,cpus=0-0,memdev=node0-memory',
    'memory-backend-ram,id=node1-memory,size=512M',
    'node,nodeid=1,cpus=1-2,memdev=node1-memory',
  ]);
});

test('a node may have no CPU', () => {
  expect(numa(2, 1024, 1)).toContain('node,nodeid=0,memdev=node0-memory');
  expect(numa(2, 1024, 1)).toContain('node,nodeid=1,cpus=0-0,memdev=node1-memory');
});
