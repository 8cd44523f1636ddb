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
  const long = (array: string, index: number) =>
    Number(BigInt.asIntN(64, memory.u64(fields.address(address, array) + LONG_BYTES * BigInt(index), array)));
  const boost = layout.hasBoost ? fields.number(address, 'zone.watermark_boost') : 0;
  return {
    node,
    name: memory.cstring(fields.pointer(address, 'zone.name'), NAME_BYTES, "a zone's name"),
    address,
    // The sum of what the CPUs have flushed can be negative.
    free: Math.max(0, long('zone.vm_stat', layout.freePages)),
    min: long('zone._watermark', layout.min) + boost,
    low: long('zone._watermark', layout.low) + boost,
    high: long('zone._watermark', layout.high) + boost,
    managed: fields.number(address, 'zone.managed_pages.counter'),
    present,
    spanned: fields.number(address, 'zone.spanned_pages'),
    startPfn: fields.number(address, 'zone.zone_start_pfn'),
    freeBlocks: freeBlocks(kernel, address),
  };
}

function freeBlocks({ fields, types }: DeadKernel, zone: bigint): number[] {
  const { elements = 0, elementBytes = 0 } = types.field('zone.free_area');
  const first = fields.address(zone, 'zone.free_area');
  return Array.from({ length: Math.min(elements, MOST_ORDERS) }, (_, order) =>
    fields.number(first + BigInt(order * elementBytes), 'free_area.nr_free'),
  );
}
