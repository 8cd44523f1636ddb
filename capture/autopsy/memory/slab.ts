/**
 * The caches of the slab allocator and how full they are, counted as /proc/slabinfo counts (get_slabinfo() in mm/slub.c):
 * objects in the slabs and sheaves of CPUs are in use.
 */
import { attempt, KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { listEntries } from '../lists.ts';
import { type Findings, Problems, readEach } from '../problems.ts';
import { memoryNodes } from './nodes.ts';

export interface SlabCache {
  readonly name: string;
  /** Of its `struct kmem_cache`. */
  readonly address: bigint;
  /** What a user of the cache asks for, and what an object takes with its metadata. */
  readonly objectBytes: number;
  readonly sizeBytes: number;
  readonly slabBytes: number;
  readonly objectsPerSlab: number;
  /** Absent where the kernel does not count (without CONFIG_SLUB_DEBUG) or the counts cannot be read. */
  readonly usage?: SlabUsage;
}

export interface SlabUsage {
  readonly slabs: number;
  readonly objects: number;
  readonly inUse: number;
}

/** Some 200; with the memory cgroups of v5.8 and before, as many for each of them. */
const MOST_CACHES = 1 << 16;
const NAME_BYTES = 256;
/** OO_SHIFT and OO_MASK in mm/slub.c. */
const ORDER_SHIFT = 16;
const OBJECTS_MASK = 0xffff;
const MOST_ORDER = 20;
const POINTER_BYTES = 8;

export function readSlabCaches(kernel: DeadKernel): Findings<SlabCache[]> {
  const problems = new Problems();
  const usageOf = attempt(() => usageReader(kernel), problems.add);
  const found = readEach(
    cachesOf(kernel),
    address => {
      const usage = attempt(() => usageOf?.(address), problems.add);
      return { ...readCache(kernel, address), ...(usage && { usage }) };
    },
    problems,
  );
  return { found, problems: problems.sentences };
}

function* cachesOf(kernel: DeadKernel): Generator<bigint> {
  yield* listEntries(kernel, kernel.symbols.require('slab_caches'), 'kmem_cache.list', MOST_CACHES);
}

function readCache({ memory, fields }: DeadKernel, address: bigint): SlabCache {
  const oo = fields.number(address, 'kmem_cache.oo.x');
  return {
    name: memory.cstring(fields.pointer(address, 'kmem_cache.name'), NAME_BYTES, "a slab cache's name"),
    address,
    objectBytes: fields.number(address, 'kmem_cache.object_size'),
    sizeBytes: fields.number(address, 'kmem_cache.size'),
    slabBytes: memory.arch.pageSizeBytes * 2 ** Math.min(oo >>> ORDER_SHIFT, MOST_ORDER),
    objectsPerSlab: oo & OBJECTS_MASK,
  };
}

/** Sums over the nodes. @throws AutopsyError where the kernel's types have no counts */
function usageReader(kernel: DeadKernel): (cache: bigint) => SlabUsage {
  const { fields, types } = kernel;
  types.field('kmem_cache_node.total_objects.counter');
  const nodes = nodeFinder(kernel);
  const freeObjects = freeCounter(kernel);
  return cache => {
    let slabs = 0;
    let objects = 0;
    let free = 0;
    for (const node of nodes(cache)) {
      slabs += fields.number(node, 'kmem_cache_node.nr_slabs.counter');
      objects += fields.number(node, 'kmem_cache_node.total_objects.counter');
      free += freeObjects(cache, node);
    }
    return { slabs, objects, inUse: objects - free };
  };
}

/** A cache's array of nodes is declared for the largest number of nodes, and allocated for the possible ones. */
function nodeFinder(kernel: DeadKernel): (cache: bigint) => bigint[] {
  const { memory, fields, types } = kernel;
  const ids = [...memoryNodes(kernel)].map(({ id }) => id);
  // Linux commit 5ba6bc27b1f9 ("slab: decouple pointer to barn from kmem_cache_node"), v7.1.
  const { path, strideBytes, offset } = types.has('kmem_cache.per_node')
    ? {
        path: 'kmem_cache.per_node',
        strideBytes: types.size('kmem_cache_per_node_ptrs'),
        offset: types.offset('kmem_cache_per_node_ptrs.node'),
      }
    : { path: 'kmem_cache.node', strideBytes: POINTER_BYTES, offset: 0 };
  return cache => {
    const first = fields.address(cache, path);
    return ids
      .map(id => memory.u64(first + BigInt(id * strideBytes + offset), path))
      .filter(node => node !== 0n);
  };
}

/** Over all caches. The slabs are visited one by one. */
const MOST_PARTIAL_SLABS = 1 << 18;

/** Counts the free objects on a node's list of slabs that are partly in use. */
function freeCounter(kernel: DeadKernel): (cache: bigint, node: bigint) => number {
  const { fields, types } = kernel;
  // Linux commit d122019bf061 ("mm: Split slab into its own type"), v5.17.
  const type = types.has('slab.slab_list') ? 'slab' : 'page';
  let left = MOST_PARTIAL_SLABS;
  return (cache, node) => {
    let free = 0;
    // The crash may have interrupted the kernel between the list and its length.
    const most = Math.min(left, fields.number(node, 'kmem_cache_node.nr_partial') + 1);
    const list = fields.address(node, 'kmem_cache_node.partial');
    for (const slab of listEntries(kernel, list, `${type}.slab_list`, most)) {
      left--;
      const owner = fields.pointer(slab, `${type}.slab_cache`);
      if (owner !== cache) throw foreignSlab(slab, cache);
      free += fields.number(slab, `${type}.objects`) - fields.number(slab, `${type}.inuse`);
    }
    return free;
  };
}

function foreignSlab(slab: bigint, cache: bigint): KernelError {
  return new KernelError(
    'SLAB_OWNER',
    {
      action: 'count the free objects of a slab cache',
      actual: 'a slab on its list belongs to another cache',
      wanted: 'one of its own',
    },
    { slab, cache },
  );
}
