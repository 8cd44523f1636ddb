/**
 * What each CPU keeps of a zone by itself: free pages on a list of its own, which the zone does not count as free (struct
 * per_cpu_pages), and changes of the zone's counters that it has not added yet (vm_stat_diff; mm/vmstat.c).
 */
import type { GuestView } from './view.ts';
import { linesOf } from './view.ts';

/** Of one zone, as /proc/zoneinfo has it. */
export interface GuestLists {
  /** Free pages on the list of each CPU. */
  readonly listed: readonly number[];
  /** By how much all CPUs together can be ahead of a counter: the sum of their `vm stats threshold`. */
  readonly step: number;
}

/** Of one zone of a dump. */
export interface DumpedLists {
  readonly listed: readonly number[];
  /** What the CPUs have not added to the number of free pages. */
  readonly unadded: number;
}

/** By the name of the zone: `node 0 DMA32`. */
export function guestLists(view: GuestView, file = 'zoneinfo'): Readonly<Record<string, GuestLists>> {
  const zones: Record<string, { listed: number[]; step: number }> = {};
  let open: { listed: number[]; step: number } | undefined;
  for (const line of linesOf(view, file)) {
    const [, node, zone] = /^Node (\d+), zone +(\S+)/.exec(line) ?? [];
    if (zone !== undefined) {
      open = { listed: [], step: 0 };
      zones[`node ${node} ${zone}`] = open;
      continue;
    }
    const [, name, value] = /^ +(count|vm stats threshold): +(\d+)$/.exec(line) ?? [];
    if (!open || name === undefined) continue;
    if (name === 'count') open.listed.push(Number(value));
    else open.step += Number(value);
  }
  return Object.fromEntries(Object.entries(zones).filter(([, { listed }]) => listed.length > 0));
}

export function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** How many pages went to the CPUs' lists or came from them, at least. */
export function pagesMoved({ listed }: GuestLists, dumped: DumpedLists): number {
  return sumOf(listed.map((count, cpu) => Math.abs((dumped.listed[cpu] ?? 0) - count)));
}
