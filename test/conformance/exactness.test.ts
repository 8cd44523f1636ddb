/**
 * Our dumps of real vmcores: the right pages by the kernel's own types, with the right bytes, for every class of pages, on
 * every kernel. The judges are not ours (drgn, libkdumpfile); that they can fail is shown in oracles.test.ts.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { judgeContent } from '../../qemu/judges/content.ts';
import { judgePages, type KernelPages } from '../../qemu/judges/pages.ts';
import { judgeWalk, type KernelWalk } from '../../qemu/judges/walk.ts';
import type { PreparedVmcore } from '../../qemu/vmcores/vmcores.ts';
import {
  type Bench,
  OURS,
  openBench,
  openOriginal,
  seriesOf,
  wantedForeignKernels,
  wantedKernels,
  withDump,
} from './vmcores.ts';

const LEVELS = [0, 1, 2, 4, 8, 16, 31];

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});

describe.each([...wantedKernels(), ...wantedForeignKernels()])('%s', kernel => {
  const series = seriesOf(kernel);
  let vmcore: PreparedVmcore;
  let pages: KernelPages;
  let original: KernelWalk;
  beforeAll(async () => {
    ({ vmcore, pages, walk: original } = await openOriginal(bench, kernel));
  });

  test.each(LEVELS)('-d %i: no needed page lost, no droppable page kept', async level => {
    const { problems } = await withDump(OURS, ['-z', '-d', `${level}`], vmcore.vmcore, dump =>
      judgePages(bench.drgn, pages, { dump, level }),
    );
    expect(problems).toEqual([]);
  });

  test.each(['-z', '-l', '-c'])('-d 31 %s: every page has the bytes of the vmcore', async codec => {
    const { problems, compared } = await withDump(OURS, [codec, '-d', '31'], vmcore.vmcore, dump =>
      judgeContent(bench.libkdumpfile, { dump, vmcore: vmcore.vmcore }),
    );
    expect(problems).toEqual([]);
    expect(compared).toBe(pages.classes.kernel);
  });

  test('-d 31: drgn walks it as it walks the vmcore', async () => {
    const { vmlinux } = vmcore;
    const { problems } = await withDump(OURS, ['-z', '-d', '31'], vmcore.vmcore, dump =>
      judgeWalk(bench.drgn, { dump, vmlinux, original }),
    );
    expect(problems).toEqual([]);
  });

  // Where makedumpfile 1.7.2 is exact, there is nothing that ours could do better in the same codec.
  if (series === '5.10' || series === '6.1')
    test.each(LEVELS)('-l -d %i: the bitmaps and pages are makedumpfile’s, byte for byte', async level => {
      const flags = ['-l', '-d', `${level}`];
      const theirs = await withDump(bench.makedumpfile172, flags, vmcore.vmcore, async dump =>
        readFileSync(dump),
      );
      const ours = await withDump(OURS, flags, vmcore.vmcore, async dump => readFileSync(dump));
      expect(ours.equals(theirs)).toBe(true);
    });
});
