/**
 * The judges judged: they pass what is known to be right, and reject what is known to be wrong, on real vmcores. What
 * released makedumpfiles lose and keep is the control: a judge that lets it pass is no judge.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { judgeContent } from '../../qemu/judges/content.ts';
import { judgePages, type KernelPages } from '../../qemu/judges/pages.ts';
import { judgeWalk, type KernelWalk } from '../../qemu/judges/walk.ts';
import type { PreparedVmcore } from '../../qemu/vmcores/vmcores.ts';
import {
  type Bench,
  openBench,
  openOriginal,
  seriesOf,
  vmcoreinfoOf,
  wantedKernels,
  withDump,
} from './vmcores.ts';

const LEVELS = [0, 1, 2, 4, 8, 16, 31];
/** vmalloc and per-CPU memory, which every kernel has, are looked for in the walk. */
const FILLED = [
  ...[
    'file-clean',
    'file-dirty',
    'file-mapped',
    'anonymous',
    'zero-page',
    'thp',
    'hugetlb',
    'shmem',
    'mlocked',
  ],
  ...['ksm', 'swap-cache', 'pipes', 'slab', 'page-tables', 'hot-added', 'offline-block', 'zram', 'swap-file'],
  ...['hwpoison-anonymous', 'hwpoison-file', 'hwpoison-thp', 'hwpoison-hugetlb', 'hwpoison-free'],
];

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});

describe.each(wantedKernels())('%s', kernel => {
  const series = seriesOf(kernel);
  let vmcore: PreparedVmcore;
  let pages: KernelPages;
  let original: KernelWalk;

  beforeAll(async () => {
    ({ vmcore, pages, walk: original } = await openOriginal(bench, kernel));
  });

  test('the guest filled its memory with all that its kernel can have, at the depth of page tables asked for', () => {
    const { filled, levels = 5, machine, series } = vmcore.record;
    expect(Object.keys(filled)).toEqual(expect.arrayContaining(FILLED));
    const refused = Object.keys(filled).filter(kind => /^refused/.test(filled[kind]));
    expect(refused.filter(kind => pages.hwpoisonKnown || !/^hwpoison/.test(kind))).toEqual([]);
    const has5 = vmcoreinfoOf(vmcore).number('pgtable_l5_enabled');
    // Debian builds 5.10 without CONFIG_X86_5LEVEL. With KVM the CPU is the host's, which may have no more than 4.
    if (levels === 4 || series === '5.10') expect(has5).toBe(0);
    else if (/accel=tcg/.test(machine)) expect(has5).toBe(1);
  });

  test('the vmcore has pages of each kind that the kernel can have', () => {
    const { classes } = pages;
    for (const kind of ['kernel', 'free', 'cache', 'cachePrivate', 'user', 'offline'] as const) {
      expect(classes[kind], kind).toBeGreaterThan(1000);
    }
    if (pages.hwpoisonKnown) expect(classes.hwpoison).toBeGreaterThan(0);
    for (const kind of ['kernel', 'free', 'cache', 'user'] as const) {
      expect(pages.zero[kind], `zero ${kind}`).toBeGreaterThan(0);
    }
  });

  test('the allocator’s lists and the struct pages agree on what is free', () => {
    expect(pages.problems).toEqual([]);
    // More than one block cannot be in the hands of two CPUs that were stopped.
    expect(pages.freeListsUnlikeMemmap.length).toBeLessThanOrEqual(2);
  });

  test('the walk over the raw vmcore finds nothing amiss, and enough', () => {
    expect(original.problems).toEqual([]);
    for (const [part, least] of [
      ['tasks', 50],
      ['inodes', 4000],
      ['open_files', 400],
      ['slabs', 100],
      ['vmalloc', 50],
    ] as const) {
      expect(original.parts[part].seen, part).toBeGreaterThan(least);
    }
  });

  const judgeLevel = (makedumpfile: Bench['makedumpfile'], level: number) =>
    withDump(makedumpfile, ['-l', '-d', `${level}`], vmcore.vmcore, dump =>
      judgePages(bench.drgn, pages, { dump, level }),
    );

  if (series === '5.10' || series === '6.1') {
    test.each(LEVELS)('makedumpfile 1.7.2 -d %i is exact', async level => {
      expect((await judgeLevel(bench.makedumpfile172, level)).problems).toEqual([]);
    });
  } else {
    test('makedumpfile 1.7.2 -d 31 is rejected: it loses slab pages and keeps user pages', async () => {
      const verdict = await judgeLevel(bench.makedumpfile172, 31);
      expect(verdict.passed).toBe(false);
      expect(verdict.needed.length).toBeGreaterThan(50);
      expect(verdict.needed.every(({ kind }) => kind === 'kernel')).toBe(true);
      expect(verdict.droppable.length).toBeGreaterThan(1000);
    });

    test('the walk rejects it too', async () => {
      const { makedumpfile172, drgn } = bench;
      const { vmlinux } = vmcore;
      const verdict = await withDump(makedumpfile172, ['-l', '-d', '31'], vmcore.vmcore, dump =>
        judgeWalk(drgn, { dump, vmlinux, original }),
      );
      expect(verdict.problems.join('\n')).toMatch(/Excluded page/);
    });
  }

  if (series === '6.12')
    test('makedumpfile 1.7.8 -d 31 is exact', async () => {
      expect((await judgeLevel(bench.makedumpfile, 31)).problems).toEqual([]);
    });

  if (series === '7.x')
    test('makedumpfile 1.7.8 -d 31 is rejected: it loses slab pages', async () => {
      const verdict = await judgeLevel(bench.makedumpfile, 31);
      expect(verdict.needed.length).toBeGreaterThan(50);
      expect(verdict.problems[0]).toMatch(/^\d+ needed pages lost: \d+ kernel \(pfn 0x/);
    });

  if (series === '6.1')
    test('a sound dump has the right bytes and walks like the vmcore', async () => {
      const { makedumpfile, libkdumpfile, drgn } = bench;
      await withDump(makedumpfile, ['-l', '-d', '31'], vmcore.vmcore, async dump => {
        const content = await judgeContent(libkdumpfile, { dump, vmcore: vmcore.vmcore });
        expect(content.problems).toEqual([]);
        expect(content.compared).toBe(pages.classes.kernel);
        const walk = await judgeWalk(drgn, { dump, vmlinux: vmcore.vmlinux, original });
        expect(walk.problems).toEqual([]);
      });
    });

  if (series === '6.1')
    test('one flipped bit in one page is found', async () => {
      await withDump(bench.makedumpfile, ['-d', '31'], vmcore.vmcore, async dump => {
        flipLastBit(dump);
        const { problems } = await judgeContent(bench.libkdumpfile, { dump, vmcore: vmcore.vmcore });
        expect(problems).toHaveLength(1);
        expect(problems[0]).toMatch(/^1 page with other bytes than the vmcore \(pfn 0x/);
      });
    });
});

/** Of an uncompressed dump: the last byte is the last of a page. */
function flipLastBit(path: string): void {
  const fd = openSync(path, 'r+');
  const last = fstatSync(fd).size - 1;
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, last);
  byte[0] ^= 1;
  writeSync(fd, byte, 0, 1, last);
  closeSync(fd);
}
