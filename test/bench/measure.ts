/** Runs whole processes one after another, interleaved, and takes medians: wall and CPU time, size of what was written. */
import { spawnSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { Failure } from '../../capture/errors.ts';
import { median } from '../../qemu/run/median.ts';
import type { Contest, Contestant } from './contest.ts';

export interface Run {
  readonly wallSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
}

export interface Result {
  readonly name: string;
  readonly argv: readonly string[];
  readonly wallSeconds: number;
  /** User and system. */
  readonly cpuSeconds: number;
  readonly bytes: number;
  readonly runs: readonly Run[];
}

/** bash's builtin `time` reports the child's CPU time and needs no package. */
const TIMED = 'TIMEFORMAT="%3R %3U %3S"; time "$@" >/dev/null 2>&1';

/** @throws Failure when it does not exit with 0. */
export function runTimed(argv: readonly string[]): Run {
  const { status, stderr } = spawnSync('bash', ['-c', TIMED, 'bash', ...argv], { encoding: 'utf8' });
  const match = /^([\d.]+) ([\d.]+) ([\d.]+)$/m.exec(stderr);
  if (status !== 0 || !match) {
    throw new Failure('BENCH_RUN', { action: `run ${argv.join(' ')}`, actual: `it ended with ${status}` });
  }
  const [wallSeconds, userSeconds, systemSeconds] = match.slice(1).map(Number);
  return { wallSeconds, userSeconds, systemSeconds };
}

/** Each round runs every contestant once, so that other load on the machine affects all of them equally. */
export function measure({ contestants }: Contest, rounds: number, signal: AbortSignal): Result[] {
  const measured = contestants.map(contestant => ({ contestant, runs: [] as Run[], bytes: 0 }));
  for (let round = 0; round < rounds; round++) {
    for (const one of measured) {
      signal.throwIfAborted();
      one.runs.push(runTimed(one.contestant.argv));
      one.bytes = takeSize(one.contestant);
    }
  }
  return measured.map(({ contestant: { name, argv }, runs, bytes }) => ({
    name,
    argv,
    wallSeconds: median(runs.map(run => run.wallSeconds)),
    cpuSeconds: median(runs.map(run => run.userSeconds + run.systemSeconds)),
    bytes,
    runs,
  }));
}

/** Removes the output at once, because overwriting a file costs time for its old blocks. */
function takeSize({ output }: Contestant): number {
  const { size } = statSync(output);
  rmSync(output);
  return size;
}
