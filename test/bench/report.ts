/** The report of the bench: a line for each contest, the shares of the phases, and everything as JSON. */
import { cpus, loadavg, release, totalmem } from 'node:os';
import { CODECS } from '../../capture/codecs/table.ts';
import type { BenchCodec, Contest, Threads } from './contest.ts';
import type { Result } from './measure.ts';
import type { Phases } from './phases.ts';

export interface ContestReport {
  readonly level: number;
  readonly codec: string;
  readonly threads: Threads;
  readonly results: readonly (Result & Ratios)[];
}

/** Our figure divided by theirs: below 1, ours is lower. Undefined for ours. */
interface Ratios {
  readonly wallRatio?: number;
  readonly cpuRatio?: number;
  readonly sizeRatio?: number;
}

export function contestReport({ level, codec, threads }: Contest, results: readonly Result[]): ContestReport {
  const [ours, ...theirs] = results;
  const compared = theirs.map(result => ({
    ...result,
    wallRatio: ours.wallSeconds / result.wallSeconds,
    cpuRatio: ours.cpuSeconds / result.cpuSeconds,
    sizeRatio: ours.bytes / result.bytes,
  }));
  return { level, codec: nameOf(codec), threads, results: [ours, ...compared] };
}

export function machineFacts() {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cpus: all.length,
    memoryBytes: totalmem(),
    kernel: release(),
    /** The load average of the last minute. */
    loadBefore: loadavg()[0],
  };
}

const COLUMNS = [4, 7, 8, 28, 8, 8, 10, 13, 8, 8] as const;

export const TABLE_HEAD = row([
  '-d',
  'codec',
  'threads',
  'program',
  'wall s',
  'CPU s',
  'MB',
  'ours: wall ×',
  'CPU ×',
  'size ×',
]);

/** The ratios are in the line of the program that ours is compared with. */
export function contestLines({ level, codec, threads, results }: ContestReport): string[] {
  return results.map(({ name, wallSeconds, cpuSeconds, bytes, wallRatio, cpuRatio, sizeRatio }) =>
    row([
      `${level}`,
      codec,
      `${threads}`,
      name,
      wallSeconds.toFixed(2),
      cpuSeconds.toFixed(2),
      (bytes / 1e6).toFixed(2),
      ...[wallRatio, cpuRatio].map(ratio => ratio?.toFixed(2) ?? ''),
      sizeRatio?.toFixed(3) ?? '',
    ]),
  );
}

export function phasesLine({ level, codec, ms }: Phases): string {
  const total = Object.values(ms).reduce((sum, phaseMs) => sum + phaseMs, 0);
  const shares = Object.entries(ms).map(
    ([name, phaseMs]) => `${name} ${((100 * phaseMs) / total).toFixed(0)} %`,
  );
  return `-d ${level} ${nameOf(codec)}: ${total.toFixed(0)} ms: ${shares.join(', ')}`;
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 1 || i === 3 ? cell.padEnd(COLUMNS[i]) : cell.padStart(COLUMNS[i])))
    .join(' ');
}

function nameOf(codec: BenchCodec): string {
  return CODECS.find(({ option }) => option === codec)!.name;
}
