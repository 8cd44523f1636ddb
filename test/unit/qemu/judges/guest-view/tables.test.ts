/** Tables of /proc as a guest printed them, and that a wrong number in a dump is found. */
import { expect, test } from 'vitest';
import { compareNumbers } from '../../../../../qemu/judges/guest-view/numbers.ts';
import * as tables from '../../../../../qemu/judges/guest-view/tables.ts';
import { compareRows, type GuestView } from '../../../../../qemu/judges/guest-view/view.ts';

const view = (file: string, text: string): GuestView => new Map([[file, text.split('\n')]]);

test('modules', () => {
  const guests = tables.guestModules(
    view(
      'modules',
      `crc 16384 2 ext4,lab, Live 0xffffffffc0100000
lab 20480 0 - Live 0xffffffffc0200000 (OE)`,
    ),
  );
  const lab = {
    name: 'lab',
    sizeBytes: 20480,
    references: 0,
    usedBy: [],
    state: 'Live',
    base: 0xffffffffc0200000n,
    taints: 'OE',
  };
  const crc = {
    ...lab,
    name: 'crc',
    sizeBytes: 16384,
    references: 2,
    usedBy: ['lab', 'ext4'],
    base: 0xffffffffc0100000n,
    taints: '',
  };
  expect(compareRows(guests, [lab, crc].map(tables.moduleRow)).differences).toEqual([]);
});

test.each<Partial<tables.ModuleFacts>>([
  { references: 1 },
  { sizeBytes: 1 },
  { base: 0n },
  { state: 'Unloading' },
  { taints: 'O' },
  { usedBy: ['ext4'] },
])('a module with %o is another', wrong => {
  const guests = tables.guestModules(view('modules', 'crc 16384 0 - Live 0xffffffffc0100000'));
  const crc = {
    name: 'crc',
    sizeBytes: 16384,
    references: 0,
    usedBy: [],
    state: 'Live',
    base: 0xffffffffc0100000n,
    taints: '',
  };
  expect(compareRows(guests, [tables.moduleRow(crc)]).differences).toEqual([]);
  expect(compareRows(guests, [tables.moduleRow({ ...crc, ...wrong })]).differences).toHaveLength(2);
});

test('mounts with odd names', () => {
  const guests = tables.guestMounts(
    view('mounts', String.raw`a\040device /fill/a\040mount tmpfs ro,relatime,size=1024k 0 0`),
  );
  expect(guests).toEqual([
    tables.mountRow({ device: 'a device', directory: '/fill/a mount', type: 'tmpfs', isReadOnly: true }),
  ]);
});

test('open files', () => {
  const guests = tables.guestLinks(
    view(
      'links',
      `l-wx------    1 0        0               64 Nov 29 00:00 /proc/91/fd/5 -> /fill/gone (deleted)
lrwxrwxrwx    1 0        0                0 Nov 29 00:00 /proc/91/cwd -> /disk/boot
ls: /proc/92: gone`,
    ),
  );
  expect(guests).toEqual(['PID 91 5 -> /fill/gone (deleted)', 'PID 91 cwd -> /disk/boot']);
});

test('rows of which one is there twice', () => {
  expect(compareRows(['a', 'a'], ['a']).differences).toEqual(['the guest had a']);
  expect(compareRows(['a'], ['a', 'a']).differences).toEqual(['the dump has a']);
});

test('slab caches', () => {
  const text = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
kmalloc-4k           232    240   4096    8    8 : tunables    0    0    0 : slabdata     30     30      0`;
  expect(tables.guestSlab(view('slabinfo', text))).toEqual([
    {
      name: 'kmalloc-4k',
      inUse: 232,
      objects: 240,
      sizeBytes: 4096,
      objectsPerSlab: 8,
      pagesPerSlab: 8,
      slabs: 30,
    },
  ]);
});

test('zones with memory, and their free blocks', () => {
  const zoneinfo = `Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 3
  pages free     3840
        boost    0
        min      68
        low      85
        high     102
        spanned  4095
        present  3998
        managed  3840
        cma      0
        protection: (0, 900, 900)
      nr_free_pages 3840
  pagesets
    cpu: 0
              count:    0
              high:     0
  node_unreclaimable:  0
  start_pfn:           1
Node 0, zone  Movable
  pages free     0
        min      32
        present  0`;
  const all = new Map([
    ['zoneinfo', zoneinfo.split('\n')],
    ['buddyinfo', ['Node 0, zone      DMA      0      1      2 ', 'Node 0, zone  Movable 0 0 0']],
  ]);
  expect(tables.guestZones(all)).toEqual({
    'node 0 DMA': {
      free: 3840,
      min: 68,
      low: 85,
      high: 102,
      spanned: 4095,
      present: 3998,
      managed: 3840,
      start_pfn: 1,
      'order 0': 0,
      'order 1': 1,
      'order 2': 2,
    },
  });
});

test('a number may be off as far as it is allowed to, and none may be missing', () => {
  const guests = tables.guestMeminfo(
    view('meminfo', 'MemTotal:  100 kB\nMemFree:  50 kB\nHugePages_Total:   2'),
  );
  const allow = (name: string) => (name === 'MemFree' ? { most: 4 } : undefined);
  const differ = (ours: tables.Numbers) => compareNumbers(guests, ours, allow).differences;
  const ours = { MemTotal: 100, MemFree: 50, HugePages_Total: 2 };
  expect(differ(ours)).toEqual([]);
  expect(differ({ ...ours, MemFree: 46 })).toEqual([]);
  expect(differ({ ...ours, MemFree: 45 })).toEqual(['MemFree: the guest had 50, the dump has 45']);
  expect(differ({ ...ours, MemFree: Number.NaN })).toHaveLength(1);
  expect(differ({ ...ours, MemTotal: 101 })).toEqual(['MemTotal: the guest had 100, the dump has 101']);
  expect(differ({ MemTotal: 100, MemFree: 50 })).toEqual([
    'HugePages_Total: the guest had 2, the dump has none',
  ]);
  expect(differ({ ...ours, Other: 1 })).toEqual(['Other: the guest had none']);
});

test('what is known to have been added to a number is expected of the dump', () => {
  const allow = () => ({ known: 20, most: 1 });
  const compare = (free: number) => compareNumbers({ free: 50 }, { free }, allow);
  expect(compare(71)).toEqual({ compared: 1, differences: [], notes: ['free +21'] });
  expect(compare(50).differences).toEqual([
    'free: the guest had 50, and 70 when it crashed, the dump has 50',
  ]);
});
