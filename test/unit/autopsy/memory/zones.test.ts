import { describe, expect, test } from 'vitest';
import { readZones } from '../../../../capture/autopsy/memory/zones.ts';
import { testDamage } from '../../../support/damage.ts';
import { SmallKernel } from '../../../support/small-kernel.ts';
import { layoutOf, withNodes, zoneAddress } from './memory-fixture.ts';

const NAMES = { DMA: 0x5000n, Normal: 0x5100n };

function build(): SmallKernel {
  const kernel = withNodes(new SmallKernel(layoutOf('pglist_data', 'zone', 'free_area')));
  for (const [name, at] of Object.entries(NAMES)) kernel.text(at, name);
  addZone(kernel, zoneAddress(0, 0), NAMES.DMA, 100);
  addZone(kernel, zoneAddress(0, 1), NAMES.Normal, 2000);
  addZone(kernel, zoneAddress(1, 1), NAMES.Normal, 3000);
  return kernel;
}

function addZone(kernel: SmallKernel, zone: bigint, name: bigint, present: number): void {
  kernel.set(zone, 'zone.present_pages', present);
  kernel.set(zone, 'zone.spanned_pages', present + 5);
  kernel.set(zone, 'zone.managed_pages.counter', present - 10);
  kernel.set(zone, 'zone.zone_start_pfn', 4096);
  kernel.set(zone, 'zone.name', name);
  kernel.set(zone, 'zone.watermark_boost', 7);
  for (const [i, pages] of [10, 20, 30, 40].entries()) kernel.number(zone + BigInt(48 + 8 * i), 8, pages);
  kernel.number(zone + 96n + 8n, 8, 50);
  for (const [order, blocks] of [4, 3, 2].entries())
    kernel.number(zone + BigInt(0x100 + order * 0x18 + 0x10), 8, blocks);
}

test('zones with memory, with what allocations wait for', () => {
  const { found, problems } = readZones(build().open());
  expect(problems).toEqual([]);
  expect(found.map(({ node, name }) => `${node} ${name}`)).toEqual(['0 DMA', '0 Normal', '1 Normal']);
  expect(found[1]).toEqual({
    node: 0,
    name: 'Normal',
    address: zoneAddress(0, 1),
    free: 50,
    min: 17,
    low: 27,
    high: 37,
    managed: 1990,
    present: 2000,
    spanned: 2005,
    startPfn: 4096,
    freeBlocks: [4, 3, 2],
  });
});

test('what the CPUs have not flushed makes no negative number of free pages', () => {
  const kernel = build();
  kernel.number(zoneAddress(0, 0) + 96n + 8n, 8, -3n);
  expect(readZones(kernel.open()).found[0]!.free).toBe(0);
});

test('a kernel without watermark boosts', () => {
  const kernel = build();
  kernel.loseMember('zone.watermark_boost');
  expect(readZones(kernel.open())).toMatchObject({ found: [{ min: 10 }, {}, {}], problems: [] });
});

test('a kernel without NUMA', () => {
  const kernel = build();
  kernel.loseSymbol('node_data');
  kernel.symbol('contig_page_data', 0x10000n);
  expect(readZones(kernel.open()).found).toHaveLength(2);
});

test('what is behind the array of nodes is none, where vmcoreinfo does not have its length, as on arm64', () => {
  const kernel = build();
  kernel.vmcoreinfo = '';
  kernel.number(0x1000n + 16n, 8, 0x2c01n);
  kernel.symbol('nr_node_ids', 0x1800n);
  kernel.number(0x1800n, 4, 2n);
  expect(readZones(kernel.open())).toMatchObject({ found: [{}, {}, {}], problems: [] });
});

test('a node that has the number of another ends the list', () => {
  const kernel = build();
  kernel.set(0x20000n, 'pglist_data.node_id', 5);
  const { found, problems } = readZones(kernel.open());
  expect(found).toHaveLength(2);
  expect(problems.join()).toContain('node 1 is called 5');
});

describe('damage', () => {
  testDamage({ build, read: readZones, choices: ['zone.watermark_boost', 'node_data'] });
});
