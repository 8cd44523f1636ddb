/**
 * Machines whose memmap is as fragmented as a used one's: what it takes to choose the pages of a dump, in time and memory,
 * beside makedumpfile on the same file in the same run.
 */
import { closeSync, copyFileSync, existsSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../build/bundle.ts';
import type { Tool } from '../../build/fetch/tools.ts';
import { KOFFI_BINARY, NODE_BINARY, PROJECT } from '../../build/paths.ts';
import { Failure } from '../../capture/errors.ts';
import { median } from '../../qemu/run/median.ts';
import type { ChartPanel } from './chart.ts';
import type { LimitedRun, MemoryLimit } from './memory-limit.ts';
import { measurePeer, type PeerFilter } from './peer-filter.ts';
import type { PlanRun } from './plan-run.ts';
import { writeTiledMachine } from './tiled-machine.ts';

const GIB = 2 ** 30;

export interface UsedRow {
  readonly sizeGib: number;
  readonly pages: number;
  readonly max_mapnr: number;
  readonly kept: number;
  readonly bitmapBytes: number;
  /** In the order in which they ran, each with its makedumpfile beside it. */
  readonly rounds: readonly { readonly ours: PlanRun; readonly theirs: PeerFilter }[];
  readonly peakRssBytes: number;
  readonly peakAnonBytes: number;
  readonly peerRssBytes: number;
}

export interface UsedMeasurement {
  /** Of a real machine. */
  readonly vmcore: string;
  readonly peer: Tool;
  readonly limit: MemoryLimit;
  readonly nodeFlags: readonly string[];
  /** Where the program and its bitmaps are: on a disk, as in a capture. */
  readonly workDir: string;
  readonly version: string;
}

/** @returns a function that measures one size. */
export async function openUsedMeasurement(with_: UsedMeasurement) {
  const { vmcore, peer, limit, nodeFlags, workDir, version } = with_;
  const program = join(workDir, 'plan-run.cjs');
  await bundle({ entry: join(PROJECT, 'test/scale/plan-run.ts'), output: program, version });
  copyFileSync(KOFFI_BINARY, join(workDir, 'koffi.node'));
  return async (sizeGib: number, rounds: number, signal: AbortSignal): Promise<UsedRow> => {
    const folder = mkdtempSync(join(folderForFilesOf(sizeGib * GIB, workDir), 'kdumpling-scale-'));
    try {
      const path = join(folder, 'vmcore');
      const { added } = writeTiledMachine({ source: vmcore, path, addedBytes: sizeGib * GIB });
      const done: { ours: PlanRun; theirs: PeerFilter; run: LimitedRun }[] = [];
      for (let round = 0; round < rounds; round++) {
        signal.throwIfAborted();
        const theirs = await measurePeer(peer, path, added.end);
        const run = await limit.run([NODE_BINARY, ...nodeFlags, program, path, workDir]);
        if (run.status !== 0) {
          const actual = `${run.status}: ${run.stderr.trim().split('\n').at(-1)}`;
          throw new Failure('SCALE_PLAN', { action: `choose the pages of ${sizeGib} GiB`, actual });
        }
        done.push({ ours: JSON.parse(run.stdout) as PlanRun, theirs, run });
      }
      const { pages, kept, bitmapBytes } = done[0].ours;
      return {
        sizeGib,
        pages,
        max_mapnr: added.end,
        kept,
        bitmapBytes,
        rounds: done.map(({ ours, theirs }) => ({ ours, theirs })),
        peakRssBytes: Math.max(...done.map(({ run }) => run.peakRssBytes)),
        peakAnonBytes: Math.max(...done.map(({ run }) => run.peakAnonBytes)),
        peerRssBytes: Math.max(...done.map(({ theirs }) => theirs.peakRssBytes)),
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** ext4 with blocks of 4 KiB has files of 16 TiB at most; a tmpfs has larger ones, and holes in them are no memory. */
function folderForFilesOf(sizeBytes: number, workDir: string): string {
  const found = [workDir, '/dev/shm'].find(folder => existsSync(folder) && takesFile(folder, 2 * sizeBytes));
  if (found) return found;
  throw new Failure('SCALE_FOLDER', {
    action: `build a vmcore of ${sizeBytes / GIB} GiB`,
    actual: `neither ${workDir} nor /dev/shm takes a file of that size`,
    wanted: 'a file system with files that have holes',
  });
}

function takesFile(folder: string, sizeBytes: number): boolean {
  const path = join(folder, `.size-${process.pid}`);
  const fd = openSync(path, 'wx');
  try {
    ftruncateSync(fd, sizeBytes);
    return true;
  } catch {
    return false;
  } finally {
    closeSync(fd);
    rmSync(path);
  }
}

/** Pages with a struct page among those that makedumpfile was measured with. */
function peerPages({ pages, max_mapnr }: UsedRow, { theirs }: UsedRow['rounds'][number]): number {
  return theirs.pages - (max_mapnr - pages);
}

/** Medians over the rounds, as the table and the chart show them. */
export function figuresOf(row: UsedRow) {
  const { rounds, pages } = row;
  const over = (value: (round: UsedRow['rounds'][number]) => number) => median(rounds.map(value));
  const peerSeconds = (round: UsedRow['rounds'][number], clock: 'cpuSeconds' | 'wallSeconds') =>
    (round.theirs.onePass[clock] * pages) / peerPages(row, round);
  const ours = over(round => round.ours.phases.plan.cpuSeconds);
  const theirs = over(round => peerSeconds(round, 'cpuSeconds'));
  return {
    ours,
    oursWall: over(round => round.ours.phases.plan.wallSeconds),
    theirs,
    theirsWall: over(round => peerSeconds(round, 'wallSeconds')),
    isPeerWhole: rounds.every(({ theirs }) => theirs.pages === row.max_mapnr),
    /** Of the same round, so that other work on the machine is in both. */
    ratio: over(round => round.ours.phases.plan.cpuSeconds / peerSeconds(round, 'cpuSeconds')),
    oursPagesPerSecond: pages / ours,
    theirsPagesPerSecond: pages / theirs,
    rest: over(({ ours: { phases } }) => phases.space.cpuSeconds + phases.bitmaps.cpuSeconds),
    bound: over(round => round.ours.phases.bound.cpuSeconds),
  };
}

export const USED_TABLE_HEAD =
  'memory GiB | pages M | kept % | bitmap MB | filter: CPU s, wall s, Mpages/s | makedumpfile, once through: CPU s, wall s, Mpages/s | ours/theirs | predict and write bitmaps, CPU s | first pages, CPU s | peak anonymous MB | peak RSS MB | makedumpfile RSS MB';

export function usedLine(row: UsedRow): string {
  const figures = figuresOf(row);
  const fixed = (value: number, digits = 1) => value.toFixed(digits);
  return [
    `${row.sizeGib}`,
    fixed(row.pages / 1e6, 0),
    fixed((100 * row.kept) / row.pages),
    fixed(row.bitmapBytes / 1e6),
    [figures.ours, figures.oursWall, figures.oursPagesPerSecond / 1e6].map(value => fixed(value)).join(', '),
    [figures.theirs, figures.theirsWall, figures.theirsPagesPerSecond / 1e6]
      .map(value => fixed(value))
      .join(', ') + (figures.isPeerWhole ? '' : ' (by its first 4 TiB)'),
    fixed(figures.ratio, 2),
    fixed(figures.rest),
    fixed(figures.bound),
    fixed(row.peakAnonBytes / 1e6),
    fixed(row.peakRssBytes / 1e6),
    fixed(row.peerRssBytes / 1e6),
  ].join(' | ');
}

export function usedPanels(rows: readonly UsedRow[], limitBytes: number): ChartPanel[] {
  const series = (name: string, value: (row: UsedRow) => number) => ({
    name,
    points: rows.map(row => ({ sizeGib: row.sizeGib, value: value(row) })),
  });
  return [
    {
      title: 'used memory: seconds of CPU to choose the pages, one thread',
      series: [
        series('kdumpling', row => figuresOf(row).ours),
        series('makedumpfile, once', row => figuresOf(row).theirs),
        series('twice that, computed', row => 2 * figuresOf(row).theirs),
      ],
    },
    {
      title: 'used memory: million pages a second of CPU',
      series: [
        series('kdumpling', row => figuresOf(row).oursPagesPerSecond / 1e6),
        series('makedumpfile', row => figuresOf(row).theirsPagesPerSecond / 1e6),
      ],
    },
    {
      title: 'used memory: peak memory, MB',
      series: [
        series('RSS', row => row.peakRssBytes / 1e6),
        series('anonymous', row => row.peakAnonBytes / 1e6),
        series('makedumpfile RSS', row => row.peerRssBytes / 1e6),
      ],
      limit: { name: 'limit', value: limitBytes / 1e6 },
    },
  ];
}
