/** Zones of memory with their watermarks and free blocks, as /proc/zoneinfo and /proc/buddyinfo show them (mm/vmstat.c). */
import { attempt } from '../../errors.ts';
import { enumValues } from '../enumerators.ts';
import type { DeadKernel } from '../kernel.ts';
import { type Findings, Problems, readEach } from '../problems.ts';
import { memoryNodes } from './nodes.ts';

/** In pages. */
export interface Zone {
  readonly node: number;
  readonly name: string;
  /** Of its `struct zone`. */
  readonly address: bigint;
  readonly free: number;
  /** The watermarks, with their boost. */
  readonly min: number;
  readonly low: number;
  readonly high: number;
  /** What the allocator has; `present` less what was reserved at boot. */
  readonly managed: number;
  readonly present: number;
  /** With holes. */
  readonly spanned: number;
  readonly startPfn: number;
  /** Free blocks of 2^order pages, by order. */
  readonly freeBlocks: readonly number[];
}

/** DMA, DMA32, NORMAL, HIGHMEM, MOVABLE, DEVICE. */
const MOST_ZONES = 8;
/** MAX_ORDER is 10 unless configured; its limit is the size of a section. */
const MOST_ORDERS = 32;
const NAME_BYTES = 16;
const LONG_BYTES = 8n;

/** Those that have memory. */
export function readZones(kernel: DeadKernel): Findings<Zone[]> {
  const problems = new Problems();
  const found = attempt(() => {
    const layout = zoneLayout(kernel);
    return readEach(zonesOfNodes(kernel), zone => readZone(kernel, layout, zone), problems);
  }, problems.add);
  return { found: found ?? [], problems: problems.sentences };
}

/**
 * In pages, over all zones. One without memory can have watermarks, too: since "mm: cap zone movable's min wmark to small
 * value" (after Linux v6.1), an empty zone Movable has 32 pages of each.
 * @throws AutopsyError, KernelError
 */
export function sumOfLowWatermarks(kernel: DeadKernel): number {
  const layout = zoneLayout(kernel);
  let sum = 0;
  for (const { address } of zonesOfNodes(kernel)) sum += watermarkReader(kernel, layout, address)('low');
  return sum;
}

/** Indices of arrays in `struct zone`. */
interface ZoneLayout {
  readonly min: number;
  readonly low: number;
  readonly high: number;
  readonly freePages: number;
  readonly hasBoost: boolean;
}

function zoneLayout({ types }: DeadKernel): ZoneLayout {
  const watermark = enumValues(types, 'zone_watermarks');
  return {
    min: watermark('WMARK_MIN'),
    low: watermark('WMARK_LOW'),
    high: watermark('WMARK_HIGH'),
    freePages: enumValues(types, 'zone_stat_item')('NR_FREE_PAGES'),
    hasBoost: types.has('zone.watermark_boost'),
  };
}

interface ZoneAt {
  readonly node: number;
  readonly address: bigint;
}

function* zonesOfNodes(kernel: DeadKernel): Generator<ZoneAt> {
  const { elements = 0, elementBytes = 0 } = kernel.types.field('pglist_data.node_zones');
  for (const { id, address } of memoryNodes(kernel)) {
    const first = kernel.fields.address(address, 'pglist_data.node_zones');
    for (let i = 0; i < Math.min(elements, MOST_ZONES); i++)
      yield { node: id, address: first + BigInt(i * elementBytes) };
  }
}

function readZone(kernel: DeadKernel, layout: ZoneLayout, { node, address }: ZoneAt): Zone | undefined {
  const { memory, fields } = kernel;
  const present = fields.number(address, 'zone.present_pages');
  if (present === 0) return undefined;
  const watermark = watermarkReader(kernel, layout, address);
  return {
    node,
    name: memory.cstring(fields.pointer(address, 'zone.name'), NAME_BYTES, "a zone's name"),
    address,
    // The sum of what the CPUs have flushed can be negative.
    free: Math.max(0, longOf(kernel, address, 'zone.vm_stat', layout.freePages)),
    min: watermark('min'),
    low: watermark('low'),
    high: watermark('high'),
    managed: fields.number(address, 'zone.managed_pages.counter'),
    present,
    spanned: fields.number(address, 'zone.spanned_pages'),
    startPfn: fields.number(address, 'zone.zone_start_pfn'),
    freeBlocks: freeBlocks(kernel, address),
  };
}

/** With the boost. */
function watermarkReader(
  kernel: DeadKernel,
  layout: ZoneLayout,
  zone: bigint,
): (name: 'min' | 'low' | 'high') => number {
  const boost = layout.hasBoost ? kernel.fields.number(zone, 'zone.watermark_boost') : 0;
  return name => longOf(kernel, zone, 'zone._watermark', layout[name]) + boost;
}

function longOf({ memory, fields }: DeadKernel, zone: bigint, array: string, index: number): number {
  const at = fields.address(zone, array) + LONG_BYTES * BigInt(index);
  return Number(BigInt.asIntN(64, memory.u64(at, array)));
}

function freeBlocks({ fields, types }: DeadKernel, zone: bigint): number[] {
  const { elements = 0, elementBytes = 0 } = types.field('zone.free_area');
  const first = fields.address(zone, 'zone.free_area');
  return Array.from({ length: Math.min(elements, MOST_ORDERS) }, (_, order) =>
    fields.number(first + BigInt(order * elementBytes), 'free_area.nr_free'),
  );
}
