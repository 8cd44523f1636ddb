import { describe, expect, test } from 'vitest';
import { readSlabCaches } from '../../../../capture/autopsy/memory/slab.ts';
import { testDamage } from '../../../support/damage.ts';
import { SmallKernel } from '../../../support/small-kernel.ts';
import { LAYOUT, layoutOf, withNodes } from './memory-fixture.ts';

const HEAD = 0x2000n;
const CACHES = { dentry: 0x30000n, 'kmalloc-64': 0x31000n };
const SLABS = [0x40000n, 0x40100n, 0x40200n];

function build(
  layout = layoutOf('pglist_data.node_id', 'kmem_cache', 'kmem_cache_node', 'slab'),
): SmallKernel {
  const kernel = withNodes(new SmallKernel(layout));
  kernel.symbol('slab_caches', HEAD);
  Object.entries(CACHES).forEach(([name, cache], i) => {
    kernel.text(0x5000n + BigInt(i * 64), name);
    kernel.set(cache, 'kmem_cache.name', 0x5000n + BigInt(i * 64));
    kernel.set(cache, 'kmem_cache.oo.x', (1 << 16) | 42);
    kernel.set(cache, 'kmem_cache.object_size', 190);
    kernel.set(cache, 'kmem_cache.size', 192);
  });
  kernel.list(HEAD, 'kmem_cache.list', Object.values(CACHES));
  addNode(kernel, CACHES.dentry, 0, 0x60000n, SLABS.slice(0, 2));
  addNode(kernel, CACHES.dentry, 1, 0x61000n, SLABS.slice(2));
  addNode(kernel, CACHES['kmalloc-64'], 0, 0x62000n, []);
  return kernel;
}

function addNode(kernel: SmallKernel, cache: bigint, id: number, node: bigint, slabs: readonly bigint[]) {
  kernel.number(cache + BigInt(LAYOUT.members['kmem_cache.node'][0] + 8 * id), 8, node);
  kernel.set(node, 'kmem_cache_node.nr_slabs.counter', 5);
  kernel.set(node, 'kmem_cache_node.total_objects.counter', 210);
  kernel.set(node, 'kmem_cache_node.nr_partial', slabs.length);
  kernel.list(node + 16n, 'slab.slab_list', slabs);
  for (const slab of slabs) {
    kernel.set(slab, 'slab.slab_cache', cache);
    kernel.set(slab, 'slab.objects', 42);
    kernel.set(slab, 'slab.inuse', 40);
  }
}

test('caches with their objects over all nodes', () => {
  expect(readSlabCaches(build().open())).toEqual({
    found: [
      {
        name: 'dentry',
        address: CACHES.dentry,
        objectBytes: 190,
        sizeBytes: 192,
        slabBytes: 8192,
        objectsPerSlab: 42,
        usage: { slabs: 10, objects: 420, inUse: 414 },
      },
      expect.objectContaining({ name: 'kmalloc-64', usage: { slabs: 5, objects: 210, inUse: 210 } }),
    ],
    problems: [],
  });
});

test('slabs that are pages, before Linux v5.17', () => {
  const { members, ...rest } = layoutOf('pglist_data.node_id', 'kmem_cache', 'kmem_cache_node', 'slab');
  const kernel = build({ ...rest, members });
  for (const member of ['slab_list', 'slab_cache', 'objects', 'inuse'])
    kernel.renameMember(`slab.${member}`, `page.${member}`);
  expect(readSlabCaches(kernel.open()).found[0]!.usage).toEqual({ slabs: 10, objects: 420, inUse: 414 });
});

test('nodes in pairs with their barns, from Linux v7.1', () => {
  const { members, ...rest } = layoutOf('pglist_data.node_id', 'kmem_cache', 'kmem_cache_node', 'slab');
  const kernel = build({
    members: { ...members, 'kmem_cache_per_node_ptrs.node': [8, 8], 'kmem_cache.per_node': [40, 16, 1024] },
    ...rest,
    sizes: { kmem_cache_per_node_ptrs: 16 },
  } as never);
  for (const cache of Object.values(CACHES))
    for (let at = 40n; at < 80n; at += 8n) kernel.number(cache + at, 8, 0);
  kernel.number(CACHES.dentry + 48n, 8, 0x60000n);
  kernel.number(CACHES.dentry + 64n, 8, 0x61000n);
  expect(readSlabCaches(kernel.open()).found[0]!.usage).toEqual({ slabs: 10, objects: 420, inUse: 414 });
});

test('without CONFIG_SLUB_DEBUG the caches are listed without counts, which is said once', () => {
  const kernel = build();
  kernel.loseMember('kmem_cache_node.total_objects.counter');
  const { found, problems } = readSlabCaches(kernel.open());
  expect(found.map(({ name, usage }) => [name, usage])).toEqual([
    ['dentry', undefined],
    ['kmalloc-64', undefined],
  ]);
  expect(problems).toHaveLength(1);
});

test('a slab of another cache makes the counts of this one unknown', () => {
  const kernel = build();
  kernel.set(SLABS[1]!, 'slab.slab_cache', CACHES['kmalloc-64']);
  const { found, problems } = readSlabCaches(kernel.open());
  expect(found.map(({ usage }) => usage?.objects)).toEqual([undefined, 210]);
  expect(problems.join()).toContain('a slab on its list belongs to another cache');
});

test('a list with more slabs than the kernel counted is not believed', () => {
  const kernel = build();
  kernel.set(0x60000n, 'kmem_cache_node.nr_partial', 0);
  const { found, problems } = readSlabCaches(kernel.open());
  expect(found[0]!.usage).toBeUndefined();
  expect(problems.join()).toContain('does not end after 1 entries');
});

test('a list of slabs that runs in a circle ends', () => {
  const kernel = build();
  kernel.set(0x60000n, 'kmem_cache_node.nr_partial', 1 << 30);
  kernel.number(SLABS[1]! + 8n, 8, SLABS[0]! + 8n);
  const { found, problems } = readSlabCaches(kernel.open());
  expect(found[0]!.usage).toBeUndefined();
  expect(problems.join()).toContain('in a circle');
});

describe('damage', () => {
  testDamage({ build, read: readSlabCaches, choices: ['slab.slab_list', 'node_data'] });
});
