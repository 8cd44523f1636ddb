/**
 * Which numbers of the machine's memory may move between the guest's look at them and the crash, and how far. The measure is
 * the guest's own: what moved between its two readings, the step in which its CPUs add to a counter, the size of its slabs.
 */
import { type DumpedLists, type GuestLists, pagesMoved, sumOf } from './cpu-lists.ts';
import type { Allow, Allowance } from './numbers.ts';
import type { Numbers } from './tables.ts';

/** One reading of the guest's. */
export interface GuestMemory {
  readonly slab: Numbers;
  readonly zones: Numbers;
  readonly meminfo: Numbers;
  /** By the name of a zone that has memory. */
  readonly lists: Readonly<Record<string, GuestLists>>;
  /** Of the shell that reads all this, the size of its memory. */
  readonly shellPages: number;
}

export interface DumpedMemory {
  readonly slab: Numbers;
  readonly zones: Numbers;
  readonly meminfo: Numbers;
  readonly lists: Readonly<Record<string, DumpedLists>>;
  readonly shellPages: number;
  /** How many objects a CPU of this kernel takes at a time for its sheaf, by the cache's name; none before Linux v6.18. */
  readonly sheaves: Numbers;
  readonly pageKib: number;
}

export interface Readings {
  /** The one that is compared, and one of the same kind just before it. */
  readonly guest: GuestMemory;
  readonly before: GuestMemory;
  readonly dumped: DumpedMemory;
}

/** Constants of the kernel that `mem` leaves out, and zswap's. */
export const NOT_IN_MEMINFO = /^(VmallocTotal|VmallocChunk|NFS_Unstable|Zswap|Zswapped)$/;

/** Rows of /proc/meminfo that are sums of counters to which a CPU adds in steps (fs/proc/meminfo.c), and of how many. */
const COUNTERS: Numbers = {
  Active: 2,
  Inactive: 2,
  'Active(anon)': 1,
  'Inactive(anon)': 1,
  'Active(file)': 1,
  'Inactive(file)': 1,
  AnonPages: 1,
  Mapped: 1,
  PageTables: 1,
  KReclaimable: 2,
  Slab: 2,
  SReclaimable: 1,
  SUnreclaim: 1,
};
/** Of these MemAvailable is the sum, less what is kept back: a constant, or half of a part (si_mem_available()). */
const PARTS_OF_AVAILABLE = ['MemFree', 'Active(file)', 'Inactive(file)', 'KReclaimable'];

/** What opening a file takes: the crash is by one, after the look at the caches. */
const OF_OPEN_FILES = /^(pde_opener|filp|seq_file) (inUse|objects|slabs)$/;

/** How far two readings of the guest's are apart; what only one of them has is not known to move. */
function apart(one: number | undefined, other: number | undefined): number {
  return one === undefined || other === undefined ? 0 : Math.abs(one - other);
}

export function allowInSlab({ guest, before, dumped }: Readings): Allow {
  return name => {
    const moved = apart(before.slab[name], guest.slab[name]);
    const [, cache, number] = OF_OPEN_FILES.exec(name) ?? [];
    if (cache === undefined) return { most: moved };
    // /proc counts objects that a CPU holds ready as in use: a slab of them, or as many slabs as fill a sheaf.
    const perSlab = guest.slab[`${cache} objectsPerSlab`] ?? 1;
    const slabs = Math.ceil(Math.max(perSlab, dumped.sheaves[cache] ?? 0) / perSlab);
    return { most: moved + (number === 'slabs' ? slabs : slabs * perSlab) };
  };
}

export function allowInZones(readings: Readings): Allow {
  const { guest, before } = readings;
  return name => {
    const [, zone, number] = /^(.*) (free|order \d+)$/.exec(name) ?? [];
    if (zone === undefined) return undefined;
    if (number === 'free') return freePages(readings, zone);
    // A page that is taken may split a block of each order, and one that is given back may join them.
    const lists = guest.lists[zone]!;
    return {
      most:
        pagesMoved(lists, readings.dumped.lists[zone]!) +
        lists.step +
        apart(before.zones[name], guest.zones[name]),
    };
  };
}

/** What is free in a zone and what is on the lists of its CPUs is the same pages, wherever they are. */
function freePages({ guest, before, dumped }: Readings, zone: string): Required<Allowance> {
  const free = (from: GuestMemory) =>
    (from.zones[`${zone} free`] ?? 0) + sumOf(from.lists[zone]?.listed ?? []);
  const { listed, unadded } = dumped.lists[zone]!;
  return {
    known: sumOf(guest.lists[zone]!.listed) - sumOf(listed) - unadded,
    most: guest.lists[zone]!.step + apart(free(before), free(guest)),
  };
}

export function allowInMeminfo(readings: Readings): Allow {
  const { guest, before, dumped } = readings;
  const zones = Object.keys(guest.lists);
  const each = zones.map(zone => freePages(readings, zone));
  const free: Allowance = {
    // The guest read it after its zones: what moved between these looks is in one and not in the other.
    known:
      sumOf(zones.map((zone, at) => (guest.zones[`${zone} free`] ?? 0) + each[at]!.known)) * dumped.pageKib -
      (guest.meminfo.MemFree ?? 0),
    most: sumOf(each.map(({ most }) => most)) * dumped.pageKib,
  };
  const given = sumOf(zones.map(zone => pagesMoved(guest.lists[zone]!, dumped.lists[zone]!)));
  const step = nodeSteps(guest.lists) * dumped.pageKib;
  return name => {
    const moved = apart(before.meminfo[name], guest.meminfo[name]);
    if (name === 'MemFree') return free;
    if (name === 'MemAvailable') return available(guest.meminfo, dumped);
    if (name === 'Committed_AS') return committed(readings);
    // The lists have pages of these areas, too, and do not say how many.
    if (name === 'CmaFree') return { most: moved + step + given * dumped.pageKib };
    // Counted in kB, and so are its steps.
    if (name === 'KernelStack') return { most: moved + nodeSteps(guest.lists) };
    const counters = COUNTERS[name];
    return counters === undefined ? undefined : { most: moved + counters * step };
  };
}

/** As far as its parts have moved, which are compared by themselves. */
function available(guest: Numbers, { meminfo, pageKib }: DumpedMemory): Allowance {
  const moved = PARTS_OF_AVAILABLE.map(name => (meminfo[name] ?? 0) - (guest[name] ?? 0));
  const [, ...halved] = moved.map(Math.abs);
  return { known: sumOf(moved), most: sumOf(halved) / 2 + pageKib };
}

/** Nobody else's heap moves: what the shell's did, this sum did. */
function committed({ guest, before, dumped }: Readings): Allowance {
  const ofOthers = ({ meminfo, shellPages }: GuestMemory) =>
    (meminfo.Committed_AS ?? 0) - shellPages * dumped.pageKib;
  return {
    known: (dumped.shellPages - guest.shellPages) * dumped.pageKib,
    most: apart(ofOthers(before), ofOthers(guest)),
  };
}

/** A node's counters are added to in the largest step of its zones (refresh_zone_stat_thresholds() in mm/vmstat.c). */
function nodeSteps(lists: Readonly<Record<string, GuestLists>>): number {
  const nodes = new Map<string, number>();
  for (const [zone, { step }] of Object.entries(lists)) {
    const [, node] = /^node (\d+)/.exec(zone)!;
    nodes.set(node!, Math.max(nodes.get(node!) ?? 0, step));
  }
  return sumOf([...nodes.values()]);
}
