/** What a guest read of its memory, as it was recorded, against its dump: it agrees, and a wrong figure of ours does not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DumpedMemory } from '../../../../../qemu/judges/guest-view/allowances.ts';
import { compareMemory } from '../../../../../qemu/judges/guest-view/memory.ts';
import type { Numbers } from '../../../../../qemu/judges/guest-view/tables.ts';
import { readGuestView } from '../../../../../qemu/judges/guest-view/view.ts';

/** Of a run of the lab's fault guest-view on 6.12-cloud, with some of the slab caches. */
const RECORDED = join(import.meta.dirname, 'recorded-memory');
const LINES = readFileSync(`${RECORDED}.txt`, 'utf8').split('\n');
const DUMPED: DumpedMemory = JSON.parse(readFileSync(`${RECORDED}.json`, 'utf8'));
type Table = 'slab' | 'zones' | 'meminfo';

function differences(dumped: DumpedMemory, lines = LINES): string[] {
  return Object.values(compareMemory(readGuestView(lines)!, dumped)).flatMap(table => table.differences);
}

function changed(table: Table, changes: Readonly<Record<string, number>>): DumpedMemory {
  const numbers = { ...DUMPED[table] };
  for (const [name, by] of Object.entries(changes)) numbers[name] = numbers[name]! + by;
  return { ...DUMPED, [table]: numbers };
}

function without(numbers: Numbers, names: RegExp): Numbers {
  return Object.fromEntries(Object.entries(numbers).filter(([name]) => !names.test(name)));
}

test('a dump agrees with what the guest read', () => {
  const { slab, zones, meminfo } = compareMemory(readGuestView(LINES)!, DUMPED);
  expect([slab, zones, meminfo].map(table => table.differences)).toEqual([[], [], []]);
  expect(slab.compared).toBeGreaterThan(60);
  expect(zones.compared).toBeGreaterThan(18);
  expect(meminfo.compared).toBeGreaterThan(45);
});

describe('a figure that is wrong', () => {
  test.each<[Table, string, number]>([
    ['meminfo', 'MemTotal', 4],
    ['meminfo', 'MemFree', 1024],
    ['meminfo', 'MemFree', -1024],
    // As when the watermark of an empty zone was left out.
    ['meminfo', 'MemAvailable', 128],
    ['meminfo', 'Cached', 4],
    ['meminfo', 'Shmem', 4],
    ['meminfo', 'AnonPages', 400],
    ['meminfo', 'SUnreclaim', -400],
    ['meminfo', 'Slab', 400],
    ['meminfo', 'KernelStack', 64],
    ['meminfo', 'Committed_AS', 4],
    ['meminfo', 'Percpu', 4],
    ['meminfo', 'HugePages_Free', 1],
    ['slab', 'dentry inUse', 1],
    ['slab', 'dentry slabs', -1],
    ['slab', 'task_struct objects', 1],
    ['slab', 'task_struct sizeBytes', 64],
    ['slab', 'kmalloc-512 pagesPerSlab', 1],
    ['slab', 'filp inUse', 1000],
    ['slab', 'filp slabs', -10],
  ])('in %s: %s, off by %i', (table, name, by) => {
    expect(differences(changed(table, { [name]: by }))).toContainEqual(
      expect.stringMatching(new RegExp(`^${name.replace(/[()]/g, '\\$&')}: the guest had`)),
    );
  });

  const zone = Object.keys(DUMPED.lists).at(-1)!;
  test.each([
    ['free', 200],
    ['min', 1],
    ['managed', -1],
    ['spanned', 1],
    ['start_pfn', 1],
    ['order 0', 1],
    ['order 3', -1],
    ['order 10', 1],
  ])('in a zone: %s, off by %i', (name, by) => {
    expect(differences(changed('zones', { [`${zone} ${name}`]: by }))).not.toEqual([]);
  });

  test('a page that is free and on a list of a CPU is counted once', () => {
    const { listed, unadded } = DUMPED.lists[zone]!;
    const more = { listed: listed.map(count => count + 500), unadded };
    expect(differences({ ...DUMPED, lists: { ...DUMPED.lists, [zone]: more } })).toEqual([
      expect.stringContaining(`${zone} free`),
      expect.stringContaining('MemFree'),
    ]);
  });

  test('a slab cache that is missing, and one that the guest had not', () => {
    const slab = without(DUMPED.slab, /^dentry /);
    expect(differences({ ...DUMPED, slab })).toHaveLength(6);
    const { 'dentry inUse': inUse = 0 } = DUMPED.slab;
    expect(differences({ ...DUMPED, slab: { ...DUMPED.slab, 'other inUse': inUse } })).toEqual([
      'other inUse: the guest had none',
    ]);
  });

  test('a row that is missing', () => {
    const meminfo = without(DUMPED.meminfo, /^(Slab|Buffers)$/);
    expect(differences({ ...DUMPED, meminfo })).toHaveLength(2);
  });
});

describe('what may move', () => {
  test('is as much as moved between the guest’s two readings', () => {
    const [line] = LINES.filter(text => /^lab: view before\/slabinfo dentry /.test(text));
    const [, inUse] = /dentry +(\d+)/.exec(line!)!;
    const lines = LINES.map(text => (text === line ? text.replace(inUse!, String(Number(inUse) - 7)) : text));
    const by = (count: number) => differences(changed('slab', { 'dentry inUse': count }), lines).length;
    expect([7, -7, 8].map(by)).toEqual([0, 0, 1]);
  });

  test('is what the lists of the CPUs gave back between the guest’s looks at its zones and at meminfo', () => {
    const zoneinfo = LINES.filter(text => /^lab: view zoneinfo/.test(text));
    const free = zoneinfo.findLast(text => /pages free +[1-9]/.test(text))!;
    const listed = zoneinfo.findLast(text => /count: +\d+/.test(text))!;
    const shift = (text: string, by: number) => text.replace(/\d+$/, number => String(Number(number) + by));
    const lines = LINES.map(text => {
      if (text === free) return shift(text, -129);
      return text === listed ? shift(text, 129) : text;
    });
    expect(differences(DUMPED, lines)).toEqual([]);
    expect(differences(changed('meminfo', { MemFree: 129 * 4 }), lines)).not.toEqual([]);
  });

  test('is what the shell’s own memory grew by, of the memory that is promised', () => {
    const grown = { ...DUMPED, shellPages: DUMPED.shellPages + 3 };
    const { Committed_AS: promised = 0 } = DUMPED.meminfo;
    const off = (kib: number) =>
      differences({ ...grown, meminfo: { ...DUMPED.meminfo, Committed_AS: promised + kib } });
    expect(off(12)).toEqual([]);
    expect(off(0)).toHaveLength(1);
    expect(off(16)).toHaveLength(1);
  });

  test('is a slab, or what fills a sheaf, of the caches that opening a file takes from', () => {
    const perSlab = DUMPED.slab['filp objectsPerSlab']!;
    const sheaf = { ...DUMPED.sheaves, filp: 2 * perSlab + 1 };
    const guest = compareMemory(readGuestView(LINES)!, DUMPED);
    expect(guest.slab.differences).toEqual([]);
    const off = (slabs: number) => ({
      ...changed('slab', { 'filp inUse': slabs * perSlab, 'filp slabs': slabs }),
    });
    expect(differences({ ...off(1), sheaves: {} })).toEqual([]);
    expect(differences({ ...off(3), sheaves: {} })).not.toEqual([]);
    expect(differences({ ...off(3), sheaves: sheaf })).toEqual([]);
    expect(differences({ ...off(5), sheaves: sheaf })).not.toEqual([]);
  });
});
