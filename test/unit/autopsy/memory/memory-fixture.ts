/** A machine with two memory nodes, three zones, two slab caches and a pool of huge pages. */
import type { SmallKernel } from '../../../support/small-kernel.ts';

const NODES = [0x10000n, 0x20000n];
export const ZONE_STRIDE = 0x200;
const ZONES_AT = 0x100;

export const LAYOUT = {
  members: {
    'pglist_data.node_id': [0, 4],
    'pglist_data.node_zones': [ZONES_AT, ZONE_STRIDE, 3],
    'zone.present_pages': [0, 8],
    'zone.spanned_pages': [8, 8],
    'zone.managed_pages.counter': [16, 8],
    'zone.zone_start_pfn': [24, 8],
    'zone.name': [32, 8],
    'zone.watermark_boost': [40, 8],
    'zone._watermark': [48, 8, 4],
    'zone.vm_stat': [96, 8, 4],
    'zone.free_area': [0x100, 0x18, 3],
    'free_area.nr_free': [0x10, 8],
    'kmem_cache.name': [0, 8],
    'kmem_cache.list': [8, 16],
    'kmem_cache.oo.x': [24, 4],
    'kmem_cache.object_size': [28, 4],
    'kmem_cache.size': [32, 4],
    'kmem_cache.node': [40, 8, 1024],
    'kmem_cache_node.nr_slabs.counter': [0, 8],
    'kmem_cache_node.total_objects.counter': [8, 8],
    'kmem_cache_node.partial': [16, 16],
    'kmem_cache_node.nr_partial': [32, 8],
    'slab.slab_list': [8, 16],
    'slab.slab_cache': [24, 8],
    'slab.objects': [32, 2],
    'slab.inuse': [34, 2],
    'hstate.order': [0, 4],
    'hstate.nr_huge_pages': [8, 8],
    'hstate.free_huge_pages': [16, 8],
    'hstate.resv_huge_pages': [24, 8],
    'hstate.surplus_huge_pages': [32, 8],
    'hstate.nr_huge_pages_node': [40, 4, 1024],
    'hstate.free_huge_pages_node': [48, 4, 1024],
    'hstate.surplus_huge_pages_node': [56, 4, 1024],
  },
  sizes: { hstate: 64 },
  enums: {
    zone_watermarks: { WMARK_MIN: 0, WMARK_LOW: 1, WMARK_HIGH: 2 },
    zone_stat_item: { NR_FREE_PAGES: 1, NR_MLOCK: 2 },
  },
} as const;

/** Only some members, or all of some structures. */
export function layoutOf(...names: readonly string[]) {
  const members = Object.entries(LAYOUT.members).filter(([path]) =>
    names.some(name => path === name || path.startsWith(`${name}.`)),
  );
  return { ...LAYOUT, members: Object.fromEntries(members) };
}

export function withNodes(kernel: SmallKernel): SmallKernel {
  kernel.symbol('node_data', 0x1000n);
  kernel.vmcoreinfo = 'LENGTH(node_data)=4\n';
  for (let id = 0; id < 4; id++) kernel.number(0x1000n + BigInt(8 * id), 8, NODES[id] ?? 0n);
  for (const [id, node] of NODES.entries()) kernel.set(node, 'pglist_data.node_id', id);
  return kernel;
}

export function zoneAddress(node: number, index: number): bigint {
  return NODES[node]! + BigInt(ZONES_AT + index * ZONE_STRIDE);
}
