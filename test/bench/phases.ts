/** Shares of a dump's time by phase. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../build/bundle.ts';
import { NODE_BINARY, PROJECT } from '../../build/paths.ts';
import { HOST_NODE_FLAGS } from '../../build/program.ts';
import { median } from '../../qemu/run/median.ts';
import type { BenchCodec } from './contest.ts';

export type PhaseName =
  | 'start-up'
  | 'open'
  | 'filter'
  | 'read and zero scan'
  | 'FFI calls'
  | 'codec'
  | 'write'
  | 'end';

export interface Phases {
  readonly level: number;
  readonly codec: BenchCodec;
  /** Medians. */
  readonly ms: Readonly<Record<PhaseName, number>>;
}

/** Builds the instrumented program. Returns a function that measures one dump. */
export async function openPhases(vmcore: string, workDir: string, rounds: number, version: string) {
  const program = join(workDir, 'phases-run.cjs');
  await bundle({ entry: join(PROJECT, 'test/bench/phases-run.ts'), output: program, version });
  const output = join(workDir, 'phases.dump');
  return (level: number, codec: BenchCodec): Phases => {
    const runs: Record<PhaseName, number>[] = [];
    for (let round = 0; round < rounds; round++) {
      const startedMs = performance.now();
      const args = [...HOST_NODE_FLAGS, program, '-d', `${level}`, `-${codec}`, vmcore, output];
      const said = execFileSync(NODE_BINARY, args, {
        encoding: 'utf8',
      });
      const wholeMs = performance.now() - startedMs;
      rmSync(output);
      const ms = JSON.parse(said) as Record<Exclude<PhaseName, 'end'>, number>;
      const sum = Object.values(ms).reduce((total, phaseMs) => total + phaseMs, 0);
      runs.push({ ...ms, end: wholeMs - sum });
    }
    const names = Object.keys(runs[0]) as PhaseName[];
    const ms = Object.fromEntries(names.map(name => [name, median(runs.map(run => run[name]))]));
    return { level, codec, ms: ms as Phases['ms'] };
  };
}
