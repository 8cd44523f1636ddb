/** Pools of huge pages, one for each size (struct hstate, mm/hugetlb.c). */
import type { DeadKernel } from '../kernel.ts';
import { type Findings, Problems, readEach } from '../problems.ts';
import { memoryNodes } from './nodes.ts';

/** Numbers of huge pages, as in /sys/kernel/mm/hugepages. */
export interface HugePagePool {
  readonly pageBytes: number;
  readonly total: number;
  readonly free: number;
  readonly reserved: number;
  readonly surplus: number;
  /** What `hugepagesz=` and /proc/meminfo are about. */
  readonly isDefault: boolean;
  readonly nodes: readonly HugePagesOfNode[];
}

export interface HugePagesOfNode {
  readonly node: number;
  readonly total: number;
  readonly free: number;
  readonly surplus: number;
}

/** HUGE_MAX_HSTATE is 2 on x86-64 and 4 on arm64. */
const MOST_POOLS = 8;
const MOST_ORDER = 32;
const COUNT_BYTES = 4n;

/** Empty without CONFIG_HUGETLBFS, whose symbols are then missing. */
export function readHugePages(kernel: DeadKernel): Findings<HugePagePool[]> {
  const problems = new Problems();
  const found = readEach(pools(kernel), pool => readPool(kernel, pool), problems);
  return { found, problems: problems.sentences };
}

interface PoolAt {
  readonly address: bigint;
  readonly isDefault: boolean;
}

function* pools({ memory, symbols, types }: DeadKernel): Generator<PoolAt> {
  const first = symbols.address('hstates');
  if (first === undefined) return;
  const count = Math.min(memory.u32(symbols.require('hugetlb_max_hstate'), 'hugetlb_max_hstate'), MOST_POOLS);
  const standard = memory.u32(symbols.require('default_hstate_idx'), 'default_hstate_idx');
  const sizeBytes = types.size('hstate');
  for (let i = 0; i < count; i++) yield { address: first + BigInt(i * sizeBytes), isDefault: i === standard };
}

function readPool(kernel: DeadKernel, { address, isDefault }: PoolAt): HugePagePool {
  const { memory, fields } = kernel;
  const order = Math.min(fields.number(address, 'hstate.order'), MOST_ORDER);
  return {
    pageBytes: memory.arch.pageSizeBytes * 2 ** order,
    total: fields.number(address, 'hstate.nr_huge_pages'),
    free: fields.number(address, 'hstate.free_huge_pages'),
    reserved: fields.number(address, 'hstate.resv_huge_pages'),
    surplus: fields.number(address, 'hstate.surplus_huge_pages'),
    isDefault,
    nodes: [...memoryNodes(kernel)].map(({ id }) => ({
      node: id,
      total: ofNode(kernel, address, 'hstate.nr_huge_pages_node', id),
      free: ofNode(kernel, address, 'hstate.free_huge_pages_node', id),
      surplus: ofNode(kernel, address, 'hstate.surplus_huge_pages_node', id),
    })),
  };
}

function ofNode({ memory, fields }: DeadKernel, pool: bigint, array: string, node: number): number {
  return memory.u32(fields.address(pool, array) + COUNT_BYTES * BigInt(node), array);
}
