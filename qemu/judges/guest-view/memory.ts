/** What the guest read of its memory against the dump: slab caches, zones and /proc/meminfo. */
import {
  allowInMeminfo,
  allowInSlab,
  allowInZones,
  type DumpedMemory,
  type GuestMemory,
  NOT_IN_MEMINFO,
  type Readings,
} from './allowances.ts';
import { guestLists } from './cpu-lists.ts';
import { compareNumbers } from './numbers.ts';
import {
  guestMeminfo,
  guestSlab,
  guestZones,
  type Numbers,
  type SlabRow,
  type ZoneNumbers,
} from './tables.ts';
import { type Agreement, type GuestView, linesOf } from './view.ts';

/** The guest's two readings, in the order in which it made them (qemu/guest/guest-view.sh). */
const BEFORE = 'before/';
const LAST = '';

export interface MemoryAgreement {
  readonly slab: Agreement;
  readonly zones: Agreement;
  readonly meminfo: Agreement;
}

export function compareMemory(view: GuestView, dumped: DumpedMemory): MemoryAgreement {
  const readings: Readings = { guest: reading(view, LAST), before: reading(view, BEFORE), dumped };
  const { guest } = readings;
  const zones = compareNumbers(guest.zones, dumped.zones, allowInZones(readings));
  return {
    slab: compareNumbers(guest.slab, dumped.slab, allowInSlab(readings)),
    zones: { ...zones, differences: [...zones.differences, ...wrongSums(dumped)] },
    meminfo: compareNumbers(guest.meminfo, dumped.meminfo, allowInMeminfo(readings), NOT_IN_MEMINFO),
  };
}

function reading(view: GuestView, prefix: string): GuestMemory {
  return {
    slab: flatSlab(guestSlab(view, prefix)),
    zones: flatZones(guestZones(view, prefix)),
    meminfo: guestMeminfo(view, prefix),
    lists: guestLists(view, `${prefix}zoneinfo`),
    shellPages: Number.parseInt(linesOf(view, `${prefix}shell/statm`)[0] ?? '', 10),
  };
}

/** The blocks of a zone are its free pages: their numbers move with every page, and the sum is exact. */
function wrongSums({ zones, lists }: DumpedMemory): string[] {
  return Object.entries(lists).flatMap(([zone, { unadded }]) => {
    const orders = `${zone} order `;
    const pages = Object.entries(zones)
      .filter(([name]) => name.startsWith(orders))
      .reduce((sum, [name, blocks]) => sum + blocks * 2 ** Number(name.slice(orders.length)), 0);
    const counted = zones[`${zone} free`]! + unadded;
    return pages === counted
      ? []
      : [`${zone}: the dump has ${pages} pages in free blocks, and counts ${counted}`];
  });
}

/** A number of each cache by a name of its own. Caches of the same name follow each other. */
export function flatSlab(caches: readonly SlabRow[]): Numbers {
  const seen = new Map<string, number>();
  return Object.fromEntries(
    caches.flatMap(({ name, ...numbers }) => {
      const times = seen.get(name) ?? 0;
      seen.set(name, times + 1);
      const own = times === 0 ? name : `${name} (${times + 1})`;
      return Object.entries(numbers).map(([key, value]) => [`${own} ${key}`, value]);
    }),
  );
}

export function flatZones(zones: ZoneNumbers): Numbers {
  return Object.fromEntries(
    Object.entries(zones).flatMap(([zone, numbers]) =>
      Object.entries(numbers).map(([key, value]) => [`${zone} ${key}`, value]),
    ),
  );
}
