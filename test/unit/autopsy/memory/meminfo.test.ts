import { describe, expect, test } from 'vitest';
import type { DeadKernel } from '../../../../capture/autopsy/kernel.ts';
import { readMeminfo } from '../../../../capture/autopsy/memory/meminfo.ts';
import { SmallKernel } from '../../../support/small-kernel.ts';
import { LAYOUT, withNodes, zoneAddress } from './memory-fixture.ts';

const ZONE_ITEMS = ['NR_FREE_PAGES', 'NR_MLOCK', 'NR_FREE_CMA_PAGES'];
const NODE_ITEMS = [
  'NR_INACTIVE_ANON',
  'NR_ACTIVE_ANON',
  'NR_INACTIVE_FILE',
  'NR_ACTIVE_FILE',
  'NR_SLAB_RECLAIMABLE_B',
  'NR_SLAB_UNRECLAIMABLE_B',
  'NR_KERNEL_MISC_RECLAIMABLE',
  'NR_FILE_PAGES',
  'NR_ANON_THPS',
  'NR_KERNEL_STACK_KB',
  'NR_SWAPCACHE',
];
const numbered = (names: readonly string[]) => Object.fromEntries(names.map((name, i) => [name, i]));

const VARIABLES: Readonly<Record<string, number>> = {
  _totalram_pages: 10_000,
  totalreserve_pages: 100,
  sysctl_overcommit_kbytes: 0,
  sysctl_overcommit_ratio: 50,
  total_swap_pages: 500,
  nr_swap_pages: 400,
  pcpu_nr_populated: 3,
  pcpu_nr_units: 2,
  nr_vmalloc_pages: 60,
  num_poisoned_pages: 6,
  direct_gbpages: 0,
};
const COUNTERS: Readonly<Record<string, number>> = {
  NR_FREE_PAGES: 3000,
  NR_INACTIVE_FILE: 300,
  NR_ACTIVE_FILE: 100,
  NR_SLAB_RECLAIMABLE_B: 25,
  NR_SLAB_UNRECLAIMABLE_B: 7,
  NR_KERNEL_MISC_RECLAIMABLE: 5,
  NR_FILE_PAGES: 900,
  NR_ANON_THPS: 1024,
  NR_KERNEL_STACK_KB: 77,
  NR_SWAPCACHE: 40,
};
const AT = { zone: 0x8000n, node: 0x9000n, variables: 0xa000n, bdev: 0xb000n, committed: 0xc000n };
const PARTS = 0xd000n;

function build(nodeItems: readonly string[] = NODE_ITEMS): SmallKernel {
  const kernel = withNodes(
    new SmallKernel({
      members: {
        ...LAYOUT.members,
        'super_block.s_inodes': [8, 16],
        'inode.i_sb_list': [0, 16],
        'inode.i_mapping': [16, 8],
        'address_space.nrpages': [0, 8],
        'percpu_counter.count': [0, 8],
        'percpu_counter.counters': [8, 8],
      },
      sizes: { ...LAYOUT.sizes, address_space: 64 },
      enums: {
        ...LAYOUT.enums,
        zone_stat_item: numbered(ZONE_ITEMS),
        node_stat_item: numbered(nodeItems),
        pg_level: { PG_LEVEL_4K: 1, PG_LEVEL_2M: 2, PG_LEVEL_1G: 3 },
      },
    }),
  );
  kernel.symbol('panic_cpu', 0xf000n);
  kernel.symbol('vm_zone_stat', AT.zone);
  kernel.symbol('vm_node_stat', AT.node);
  for (const [at, names] of [
    [AT.zone, ZONE_ITEMS],
    [AT.node, nodeItems],
  ] as const)
    for (const [i, name] of names.entries()) kernel.number(at + BigInt(8 * i), 8, COUNTERS[name] ?? 0);
  for (const [i, [name, value]] of Object.entries(VARIABLES).entries()) {
    kernel.symbol(name, AT.variables + BigInt(8 * i));
    kernel.number(AT.variables + BigInt(8 * i), 8, value);
  }
  addBlockDevices(kernel);
  addCommitted(kernel);
  addPool(kernel);
  addZone(kernel);
  kernel.symbol('transparent_hugepage_flags', 0x0n);
  return kernel;
}

function addBlockDevices(kernel: SmallKernel): void {
  kernel.symbol('blockdev_superblock', AT.bdev);
  kernel.number(AT.bdev, 8, AT.bdev + 0x100n);
  const inodes = [AT.bdev + 0x200n, AT.bdev + 0x300n];
  kernel.list(AT.bdev + 0x108n, 'inode.i_sb_list', inodes);
  for (const inode of inodes) {
    kernel.set(inode, 'inode.i_mapping', inode + 64n);
    kernel.set(inode + 64n, 'address_space.nrpages', 30);
  }
}

function addCommitted(kernel: SmallKernel): void {
  kernel.symbol('vm_committed_as', AT.committed);
  kernel.set(AT.committed, 'percpu_counter.count', 1000);
  kernel.set(AT.committed, 'percpu_counter.counters', PARTS);
  // Of two CPUs.
  kernel.number(PARTS, 4, -20);
  kernel.number(PARTS + 4096n, 4, 5);
}

function addPool(kernel: SmallKernel): void {
  kernel.symbol('hstates', 0x3000n);
  kernel.symbol('hugetlb_max_hstate', 0x4000n);
  kernel.symbol('default_hstate_idx', 0x4004n);
  kernel.number(0x4000n, 4, 1);
  kernel.set(0x3000n, 'hstate.order', 9);
  kernel.set(0x3000n, 'hstate.nr_huge_pages', 2);
  kernel.set(0x3000n, 'hstate.free_huge_pages', 1);
}

/** With a low watermark of 60 pages. */
function addZone(kernel: SmallKernel): void {
  const zone = zoneAddress(0, 0);
  kernel.set(zone, 'zone.present_pages', 10_000);
  kernel.set(zone, 'zone.name', 0x5000n);
  kernel.text(0x5000n, 'Normal');
  kernel.number(zone + 56n, 8, 60);
  kernel.number(zoneAddress(1, 0), 8, 0);
}

const rowsOf = (kernel: DeadKernel) =>
  Object.fromEntries(readMeminfo(kernel).found.map(({ name, value }) => [name, value]));

test('the rows of /proc/meminfo, in kB', () => {
  expect(readMeminfo(build().open()).problems).toEqual([]);
  expect(rowsOf(build().open())).toMatchObject({
    MemTotal: 40_000,
    MemFree: 12_000,
    // 3000 - 100, and 400 and 30 less what stays behind of them: 60 and 15.
    MemAvailable: 4 * (2900 + 340 + 15),
    Buffers: 240,
    Cached: 4 * (900 - 40 - 60),
    SwapCached: 160,
    'Active(file)': 400,
    Slab: 128,
    KReclaimable: 120,
    KernelStack: 77,
    SwapTotal: 2000,
    SwapFree: 1600,
    // Half of what is not in huge pages, and the swap.
    CommitLimit: 4 * ((10_000 - 1024) / 2 + 500),
    Committed_AS: 4 * 985,
    Percpu: 24,
    VmallocUsed: 240,
    HardwareCorrupted: 24,
    AnonHugePages: 4096,
    HugePages_Total: 2,
    HugePages_Free: 1,
    Hugepagesize: 2048,
    Hugetlb: 4096,
  });
});

// Of Linux 6.12 and later; what the machine could give away was 128 kB too much.
test('the watermark of a zone without memory is kept back, too', () => {
  const kernel = build();
  kernel.number(zoneAddress(1, 2) + 56n, 8, 32);
  expect(rowsOf(kernel.open()).MemAvailable).toBe(4 * (2900 + (400 - 92) + 15));
});

test('numbers of huge pages are no sizes', () => {
  const units = Object.fromEntries(readMeminfo(build().open()).found.map(({ name, unit }) => [name, unit]));
  expect(units).toMatchObject({ HugePages_Total: 'pages', Hugepagesize: 'kB' });
});

test('a limit in kilobytes counts before one in percent', () => {
  const kernel = build();
  kernel.number(AT.variables + 16n, 8, 4000);
  expect(rowsOf(kernel.open()).CommitLimit).toBe(4000 + 2000);
});

test('rows that this kernel does not count are left out, without a word', () => {
  const { found, problems } = readMeminfo(build().open());
  expect(found.map(({ name }) => name)).not.toContain('SecPageTables');
  expect(found.map(({ name }) => name)).not.toContain('DirectMap4k');
  expect(problems).toEqual([]);
});

test('rows whose counter the kernel no longer has are printed as 0', () => {
  const { found, problems } = readMeminfo(build().open());
  for (const name of ['Bounce', 'WritebackTmp']) expect(found).toContainEqual({ name, value: 0, unit: 'kB' });
  expect(problems).toEqual([]);
});

test('the same rows have their counter where there is one', () => {
  const kernel = build([...NODE_ITEMS, 'NR_WRITEBACK_TEMP', 'NR_BOUNCE']);
  kernel.number(AT.node + BigInt(8 * NODE_ITEMS.length), 8, 6);
  kernel.number(AT.node + BigInt(8 * (NODE_ITEMS.length + 1)), 8, 2);
  expect(rowsOf(kernel.open())).toMatchObject({ WritebackTmp: 24, Bounce: 8 });
});

test('a CPU that the panic took out of the online ones has its part of a sum', () => {
  const kernel = build().open();
  const stopped = { ...kernel, perCpu: { ...kernel.perCpu, online: [0] } };
  expect(rowsOf(stopped).Committed_AS).toBe(4 * 985);
});

describe('before Linux v5.12', () => {
  const items = NODE_ITEMS.filter(name => name !== 'NR_SWAPCACHE');

  function old(): SmallKernel {
    const kernel = build(items);
    kernel.symbol('nr_swapfiles', 0xe000n);
    kernel.symbol('nr_swapper_spaces', 0xe010n);
    kernel.symbol('swapper_spaces', 0xe020n);
    kernel.number(0xe000n, 4, 1);
    kernel.number(0xe010n, 4, 2);
    kernel.number(0xe020n, 8, 0xe100n);
    kernel.number(0xe100n, 8, 15);
    kernel.number(0xe140n, 8, 5);
    return kernel;
  }

  test('transparent huge pages are counted in their own size', () => {
    expect(rowsOf(old().open()).AnonHugePages).toBe(1024 * 2048);
  });

  test('the swap cache is in address spaces', () => {
    expect(rowsOf(old().open())).toMatchObject({ SwapCached: 80, Cached: 4 * (900 - 20 - 60) });
  });

  test('without CONFIG_SWAP it is empty', () => {
    const kernel = old();
    for (const name of ['nr_swapfiles', 'nr_swapper_spaces', 'swapper_spaces']) kernel.loseSymbol(name);
    expect(rowsOf(kernel.open()).SwapCached).toBe(0);
  });

  test('where no variable has a symbol (without CONFIG_KALLSYMS_ALL), whether there is one is not known', () => {
    const kernel = old();
    for (const name of ['panic_cpu', 'nr_swapfiles']) kernel.loseSymbol(name);
    expect(rowsOf(kernel.open())).not.toHaveProperty('SwapCached');
  });
});

describe('what is missing costs its rows', () => {
  test.each([
    ['totalreserve_pages', ['MemAvailable']],
    ['_totalram_pages', ['MemTotal', 'CommitLimit']],
    ['vm_committed_as', ['Committed_AS']],
    ['blockdev_superblock', ['Buffers', 'Cached']],
    ['node_data', ['MemAvailable']],
  ])('the symbol %s', (symbol, rows) => {
    const kernel = build();
    kernel.loseSymbol(symbol);
    const whole = readMeminfo(build().open()).found.map(({ name }) => name);
    const { found, problems } = readMeminfo(kernel.open());
    const lost = whole.filter(name => !found.some(row => row.name === name));
    expect(lost).toEqual(expect.arrayContaining(rows));
    expect(problems.join('\n')).toMatch(new RegExp(`${symbol}|contig_page_data`));
  });

  test('counters', () => {
    const kernel = build();
    kernel.loseSymbol('vm_node_stat');
    const { found, problems } = readMeminfo(kernel.open());
    expect(found.map(({ name }) => name)).toContain('MemTotal');
    expect(found.map(({ name }) => name)).not.toContain('MemFree');
    expect(found.map(({ name }) => name)).not.toContain('Bounce');
    expect(problems.join()).toContain('vm_node_stat');
  });

  test.each(build().pages)('the page at %d', page => {
    const kernel = build();
    kernel.losePage(page);
    expect(() => readMeminfo(kernel.open())).not.toThrow();
  });
});
