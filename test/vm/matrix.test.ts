/**
 * The smoke matrix: every class of crash, each axis of the lab, and the capture's worst moments, on several kernels. With
 * `npm test -- --full` the full matrix. Machines run side by side, as many as there are CPUs for.
 */
import { cpus } from 'node:os';
import { beforeAll, expect, test } from 'vitest';
import { CRASH_OPTIONS } from '../../qemu/lab/cell.ts';
import { planMatrix } from '../../qemu/lab/matrix.ts';
import { defaultsOf } from '../../qemu/lab/options.ts';
import { type CellResult, runCells } from '../../qemu/lab/suite.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';
import { openTestLab } from './lab.ts';

const HOURS_MS = 3_600_000;
const CPUS_OF_A_GUEST = 2;

const matrix = process.env[FULL_LAB_VARIABLE] ? 'full' : 'smoke';
const cells = planMatrix(matrix, defaultsOf(CRASH_OPTIONS));

const results = new Map<string, CellResult>();
beforeAll(
  async () => {
    const atOnce = Math.max(2, Math.floor(cpus().length / CPUS_OF_A_GUEST));
    await runCells(await openTestLab(), cells, atOnce, {
      signal: new AbortController().signal,
      onAgain: ({ title }, why) => console.log(`crashing ${title} once more: ${why}`),
      onResult: result => results.set(result.title, result),
    });
  },
  matrix === 'full' ? 8 * HOURS_MS : HOURS_MS,
);

test.each(cells)('$title', ({ title }) => {
  const { verdict, reasons } = results.get(title)!;
  expect({ verdict, reasons }).toEqual({ verdict: 'passed', reasons: [] });
});
