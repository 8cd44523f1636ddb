/** The dump is of the kind that the options asked for, and the one that `kdumpling dump` makes of a raw copy of the same crash. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../../build/paths.ts';
import { runBounded } from '../judges/bounded-run.ts';
import type { Expectation } from './check.ts';
import { readManifest } from './manifest.ts';

/** A raw copy of /proc/vmcore, among the files that a run's capture left. */
export const RAW_COPY = 'vmcore';
const DUMP_SECONDS = 600;

/** Level and codec. A space policy that had to take others is judged by the fault's own checks. */
export function dumpedAs({
  level,
  codec,
}: {
  readonly level?: number;
  readonly codec?: string;
}): Expectation {
  const wanted = [
    ...(level === undefined ? [] : [`level ${level}`]),
    ...(codec === undefined ? [] : [`codec ${codec}`]),
  ];
  return ({ dumps, lines }) => {
    const tookOthers = lines.some(({ text }) => /kdumpling: space: taking /.test(text));
    if (wanted.length === 0 || tookOthers) return [];
    const dump = readManifest(dumps[0] ?? '')?.dump;
    const seen = dump ? [`level ${dump.level}`, `codec ${dump.codec}`] : [];
    return [
      {
        what: `the dump has ${wanted.join(' and ')}`,
        holds: wanted.every(fact => seen.includes(fact)),
        saw: seen.join(', ') || 'no dump in the manifest',
      },
    ];
  };
}

/** busybox copied /proc/vmcore beside the capture. `kdumpling dump` of the copy gives the captured dump, byte for byte. */
export const sameAsRawCopy: Expectation = async ({ dumps, labFiles }) => {
  const what = 'a dump of the raw copy of /proc/vmcore is the captured one, byte for byte';
  const dump = readManifest(dumps[0] ?? '')?.dump;
  const copy = join(labFiles, RAW_COPY);
  if (!dump || !existsSync(copy)) {
    return [{ what, holds: false, saw: dump ? 'there is no raw copy' : 'there is no dump' }];
  }
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-raw-copy-'));
  try {
    const again = join(scratch, 'vmcore');
    const program = [process.execPath, join(PROJECT, 'scripts/kdumpling.ts')];
    const words = ['dump', `--${dump.codec}`, '-d', String(dump.level), copy, again];
    const { exitCode, stderr } = await runBounded([...program, ...words], { timeoutSeconds: DUMP_SECONDS });
    const same = exitCode === 0 && readFileSync(again).equals(readFileSync(join(dumps[0], 'vmcore')));
    const saw = exitCode === 0 ? `${same ? 'the same' : 'other'} bytes` : stderr.trim();
    return [{ what, holds: same, saw }];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};
