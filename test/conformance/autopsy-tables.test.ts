/**
 * Modules, memory, mounts and open files that an autopsy finds without debug symbols, against drgn with them (DWARF), on real
 * vmcores and on our dumps of them: every field of every row.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { DeadKernel } from '../../capture/autopsy/kernel.ts';
import { readHugePages } from '../../capture/autopsy/memory/hugetlb.ts';
import { readMeminfo } from '../../capture/autopsy/memory/meminfo.ts';
import { readSlabCaches } from '../../capture/autopsy/memory/slab.ts';
import { readZones } from '../../capture/autopsy/memory/zones.ts';
import { readModuleList } from '../../capture/autopsy/module-list.ts';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import type { Findings } from '../../capture/autopsy/problems.ts';
import { readMounts } from '../../capture/autopsy/vfs/mounts.ts';
import { type OpenFile, readProcessFiles } from '../../capture/autopsy/vfs/open-files.ts';
import { type KernelTables, kernelTables } from '../../qemu/judges/kernel-tables.ts';
import type { PreparedVmcore } from '../../qemu/vmcores/vmcores.ts';
import { openDumpFile } from '../../scripts/lib/dumps/open-vmcore.ts';
import {
  type Bench,
  OURS,
  openBench,
  vmcoreOf,
  wantedForeignKernels,
  wantedKernels,
  withDump,
} from './vmcores.ts';

const TIMEOUT_MS = 600_000;

/** S_IFMT, in the order of crash's words. */
const TYPES: Readonly<Record<OpenFile['type'], number>> = {
  UNKN: 0,
  FIFO: 1,
  CHR: 2,
  DIR: 4,
  BLK: 6,
  REG: 8,
  LNK: 10,
  SOCK: 12,
};
/** How we name a file without a path; drgn has the type of its file system. */
const NAMELESS: readonly (readonly [ours: RegExp, drgns: string])[] = [
  [/^pipe:\[\d+\]$/, '[pipefs]'],
  [/^socket:\[\d+\]$/, '[sockfs]'],
  [/^anon_inode:./, '[anon_inodefs]'],
  [/^nsfs:\[\d+\]$/, '[nsfs]'],
  // The names that the guest gives them.
  [/^\/memfd:hugetlb \(deleted\)$/, '[hugetlbfs]'],
  [/^\/memfd:\S+ \(deleted\)$/, '[tmpfs]'],
];

/** Rows that a machine has at least; fewer prove nothing. One of another architecture has no disk and few processes. */
const LEAST = {
  filled: { modules: 5, zones: 4, mounts: 5, files: 400 },
  withoutDisk: { modules: 4, zones: 1, mounts: 5, files: 15 },
} as const;

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});

describe.each([...wantedKernels(), ...wantedForeignKernels()])('%s', kernel => {
  let vmcore: PreparedVmcore;
  let tables: KernelTables;
  let dead: DeadKernel;
  const least = wantedForeignKernels().includes(kernel) ? LEAST.withoutDisk : LEAST.filled;

  beforeAll(async () => {
    vmcore = vmcoreOf(kernel);
    tables = await kernelTables(bench.drgn, vmcore.vmcore, vmcore.vmlinux);
    dead = openAutopsy(openDumpFile(vmcore.vmcore, 'judge it').vmcore);
  }, TIMEOUT_MS);

  test('modules', () => expect(rowsOf(readModuleList(dead), least.modules)).toEqual(tables.modules));
  test('zones', () => expect(rowsOf(readZones(dead), least.zones)).toEqual(tables.zones));
  test('slab caches', () => expect(rowsOf(readSlabCaches(dead), 100)).toEqual(tables.slab_caches));
  test('huge pages', () => expect(rowsOf(readHugePages(dead), 1)).toEqual(tables.huge_pages));
  test('mounts', () => expect(mountsOf(dead)).toEqual(tables.mounts));
  test('meminfo', () => expect(meminfoOf(dead)).toEqual(tables.meminfo));

  test('open files of every task', () => {
    const { seen, differences } = compareFiles(dead, tables);
    expect(differences).toEqual([]);
    expect(seen).toBeGreaterThanOrEqual(least.files);
    const { modules, zones, slab_caches, mounts, meminfo } = tables;
    console.log(
      `${kernel}: ${modules.length} modules, ${Object.keys(meminfo).length} rows of meminfo, ${slab_caches.length} slab caches, ${zones.length} zones, ${mounts.length} mounts, ${seen} open files`,
    );
  });

  test(
    'the same in our dump at level 31',
    async () => {
      await withDump(OURS, ['-z', '-d', '31'], vmcore.vmcore, async dump => {
        const file = openDumpFile(dump, 'judge it');
        try {
          const dumped = openAutopsy(file.vmcore);
          expect(rowsOf(readModuleList(dumped), least.modules)).toEqual(tables.modules);
          expect(rowsOf(readSlabCaches(dumped), 100)).toEqual(tables.slab_caches);
          expect(mountsOf(dumped)).toEqual(tables.mounts);
          expect(meminfoOf(dumped)).toEqual(tables.meminfo);
          expect(compareFiles(dumped, tables).differences).toEqual([]);
        } finally {
          file.close();
        }
      });
    },
    TIMEOUT_MS,
  );

  function mountsOf(from: DeadKernel): unknown {
    return rowsOf(readMounts(from, from.symbols.require('init_task')), least.mounts);
  }

  /** Of the rows that drgn knows. */
  function meminfoOf(from: DeadKernel): unknown {
    const { found, problems } = readMeminfo(from);
    expect(problems).toEqual([]);
    const known = found.filter(({ name }) => Object.hasOwn(tables.meminfo, name));
    return Object.fromEntries(known.map(({ name, value }) => [name, value]));
  }
});

/** As the judge prints them. @param least a table with fewer rows proves nothing. */
function rowsOf({ found, problems }: Findings<readonly unknown[]>, least: number): unknown {
  expect(problems).toEqual([]);
  expect(found.length).toBeGreaterThanOrEqual(least);
  return JSON.parse(
    JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value)),
  );
}

function compareFiles(
  dead: DeadKernel,
  { processes }: KernelTables,
): { seen: number; differences: string[] } {
  let seen = 0;
  const differences = processes.flatMap(({ pid, address, root, cwd, files }) => {
    const { found, problems } = readProcessFiles(dead, BigInt(address));
    seen += found.files.length;
    const ours = [found.root ?? null, found.cwd ?? null, ...found.files.map(fileText)];
    const theirs = [root, cwd, ...files.map(file => [...Object.values(file)].join(' '))];
    const missing = theirs.filter(text => !ours.includes(text)).map(text => `${pid} lacks ${text}`);
    const extra = ours.filter(text => !theirs.includes(text)).map(text => `${pid} has ${text}`);
    return [...problems, ...missing, ...extra];
  });
  return { seen, differences };
}

/** In the words of the judge. */
function fileText({ fd, file, dentry, inode, type, path = '' }: OpenFile): string {
  const nameless = NAMELESS.find(([ours]) => ours.test(path));
  const hex = [file, dentry, inode].map(address => `0x${address.toString(16)}`);
  return [fd, ...hex, TYPES[type] << 12, nameless?.[1] ?? path].join(' ');
}
