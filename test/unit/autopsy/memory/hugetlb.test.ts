import { describe, expect, test } from 'vitest';
import { readHugePages } from '../../../../capture/autopsy/memory/hugetlb.ts';
import { testDamage } from '../../../support/damage.ts';
import { SmallKernel } from '../../../support/small-kernel.ts';
import { layoutOf, withNodes } from './memory-fixture.ts';

const POOLS = 0x3000n;

function build(): SmallKernel {
  const kernel = withNodes(new SmallKernel(layoutOf('pglist_data.node_id', 'hstate')));
  kernel.symbol('hstates', POOLS);
  kernel.symbol('hugetlb_max_hstate', 0x4000n);
  kernel.symbol('default_hstate_idx', 0x4004n);
  kernel.number(0x4000n, 4, 2);
  kernel.number(0x4004n, 4, 1);
  [18, 9].forEach((order, i) => {
    const pool = POOLS + BigInt(64 * i);
    kernel.set(pool, 'hstate.order', order);
    kernel.set(pool, 'hstate.nr_huge_pages', 16 * i);
    kernel.set(pool, 'hstate.free_huge_pages', 11 * i);
    kernel.set(pool, 'hstate.resv_huge_pages', 2 * i);
    kernel.set(pool, 'hstate.surplus_huge_pages', i);
    for (const at of [40n, 48n, 56n]) kernel.number(pool + at + 4n, 4, 7 * i);
  });
  return kernel;
}

test('pools of huge pages and what each node has of them', () => {
  expect(readHugePages(build().open())).toEqual({
    found: [
      expect.objectContaining({ pageBytes: 2 ** 30, total: 0, isDefault: false }),
      {
        pageBytes: 2 ** 21,
        total: 16,
        free: 11,
        reserved: 2,
        surplus: 1,
        isDefault: true,
        nodes: [
          { node: 0, total: 0, free: 0, surplus: 0 },
          { node: 1, total: 7, free: 7, surplus: 7 },
        ],
      },
    ],
    problems: [],
  });
});

test('a kernel without huge pages has no pools', () => {
  const kernel = build();
  kernel.loseSymbol('hstates');
  expect(readHugePages(kernel.open())).toEqual({ found: [], problems: [] });
});

test('a damaged number of pools is bounded', () => {
  const kernel = build();
  kernel.number(0x4000n, 4, 0xffffffff);
  expect(readHugePages(kernel.open()).found.length).toBeLessThanOrEqual(8);
});

describe('damage', () => {
  testDamage({ build, read: readHugePages, choices: ['hstates', 'node_data'] });
});
