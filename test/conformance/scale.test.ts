/**
 * The large machines of `npm run scale` are made of a real machine's sections: their pages have the classes that drgn finds,
 * from the debug symbols, for the pages of those sections.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PageClassName, PagesByClass } from '../../capture/filter/page-class.ts';
import { choosePages } from '../../capture/kdump/write/input.ts';
import { openCrash } from '../../capture/kernel/crash.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { classifyPages, type KernelPages, type PageClass } from '../../qemu/judges/pages.ts';
import { type Tiling, writeTiledMachine } from '../scale/tiled-machine.ts';
import { isFullRun, openBench, vmcoreOf, wantedKernels } from './vmcores.ts';

const GIB = 2 ** 30;
/** The filter's names and drgn's. */
const CLASSES: readonly (readonly [PageClassName, PageClass])[] = [
  ['kernel', 'kernel'],
  ['free', 'free'],
  ['cache', 'cache'],
  ['privateCache', 'cachePrivate'],
  ['user', 'user'],
  ['hwpoison', 'hwpoison'],
  ['offline', 'offline'],
];

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-scale-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** They take long to judge and are all built by the same rule: one kernel by default. */
const KERNELS = isFullRun() ? wantedKernels() : wantedKernels().slice(-1);

describe.each(KERNELS)('%s', kernel => {
  test('a machine of 64 GiB made of it has its classes', { timeout: 300_000 }, async () => {
    const { drgn } = await openBench();
    const { vmcore, vmlinux } = vmcoreOf(kernel);
    const real = await classifyPages(drgn, { vmcore, vmlinux });
    const path = join(dir, kernel);
    const tiling = writeTiledMachine({ source: vmcore, path, addedBytes: 64 * GIB, slots: 16 });
    const [before, after] = [vmcore, path].map(classesByFilter);
    for (const [ours, theirs] of CLASSES) {
      const added = { [ours]: after[ours] - before[ours] };
      expect(added).toEqual({ [ours]: addedPages(real, tiling, theirs) });
    }
  });
});

function classesByFilter(path: string): PagesByClass {
  const source = openVmcoreFile(path, undefined);
  try {
    // Of a class that the level leaves out, broken pages count as that class: free blocks have none.
    const { pages, warnings } = choosePages(openCrash(source), 16);
    expect(warnings).toEqual([]);
    return pages!;
  } finally {
    source.close();
  }
}

/** By drgn's class of each page of the sections that were taken, as often as each was. */
function addedPages(real: KernelPages, { tiles, sectionsOfTile }: Tiling, name: PageClass): number {
  return tiles.reduce((sum, { start, end }, index) => {
    let pages = 0;
    for (let pfn = start; pfn < end; pfn++) if (real.classOf(pfn) === name) pages++;
    return sum + pages * sectionsOfTile[index];
  }, 0);
}
