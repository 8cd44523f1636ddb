/**
 * A power cut at any moment. QEMU records the writes and flushes of one capture's disk. The record is then replayed onto
 * the original disk up to each flush and up to 200 other points, and each resulting disk is judged.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MANIFEST_FORMAT } from '../../../capture/storage/manifest.ts';
import { fileSystemOf, tool } from '../../disks/file-systems.ts';
import { extract } from '../../disks/image.ts';
import type { MakeSecondDisk } from '../../disks/second-disk.ts';
import type { Expectation } from '../../expect/check.ts';
import * as expect from '../../expect/expectations.ts';
import type { Fault } from '../fault.ts';
import { type Cut, planCuts } from './cuts.ts';
import { digestsOf, judgeCut } from './judge.ts';
import { replayCuts } from './replay.ts';
import { readWriteLog, type WriteLog } from './write-log.ts';

/** "kdumpling-second" in hexadecimal. */
const UUID = '6b64756d-706c-696e-672d-7365636f6e64';
const OLDER = '20250101T000000Z';
const OLDER_BYTES = 3 << 20;
const CUTS = 200;
const CONTROL_CUTS = 10;
const SEED = 20261126;

/** In the run's directory, beside `captured/`. */
const FILES = {
  log: 'writes.log',
  base: 'before.img',
  image: 'cut.img',
  scratch: 'cut',
  results: 'power-cut.json',
};

const disk: MakeSecondDisk = {
  sizeMib: 256,
  async make(image) {
    const contents = `${image}.contents`;
    writeOlderDump(join(contents, 'var/crash', OLDER));
    await fileSystemOf('ext4').make({ path: image, uuid: UUID, label: 'lab-power-cut', contents });
    await tool('cp', ['--sparse=always', image, `${image}.before`]);
    writeFileSync(`${image}.log`, '');
  },
  file(image) {
    const file = (filename: string) => ({ driver: 'file', filename });
    const node = {
      driver: 'blklogwrites',
      file: file(image),
      log: file(`${image}.log`),
      'log-sector-size': 512,
    };
    // The drive's options name the raw format, so it is the top node here.
    return `json:${JSON.stringify({ driver: 'raw', file: node })}`;
  },
  async takeOut(image, captured) {
    await extract(image, '/var/crash', captured);
    const run = dirname(captured);
    await rename(`${image}.log`, join(run, FILES.log));
    await rename(`${image}.before`, join(run, FILES.base));
  },
};

const everyCut: Expectation = async ({ directory }) => {
  const at = (name: keyof typeof FILES) => join(directory, FILES[name]);
  const log = readWriteLog(at('log'));
  await extract(at('base'), '/var/crash', at('scratch'));
  const older = { name: OLDER, digests: JSON.parse(digestsOf(join(at('scratch'), 'crash', OLDER))) };
  const judgeAll = async (entries: WriteLog['entries'], cuts: readonly Cut[]) => {
    const outcomes: Record<string, number> = {};
    const faults: string[] = [];
    const replay = { log: { ...log, entries }, base: at('base'), image: at('image'), cuts };
    for await (const cut of replayCuts(replay)) {
      const { outcome, faults: found } = await judgeCut(at('image'), older, at('scratch'));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      for (const fault of found) faults.push(`cut ${cut.at}, ${cut.kind}, seed ${cut.seed}: ${fault}`);
    }
    return { outcomes, faults, count: cuts.length };
  };
  const { entries } = log;
  // The control: on a disk that ignores flushes dumps are lost, and the judge must notice. It does not change the base.
  const faithless = entries.map(entry => ({ ...entry, isFlush: false }));
  const control = await judgeAll(
    faithless,
    Array.from({ length: CONTROL_CUTS }, (_, i) => ({ at: entries.length, kind: 'some', seed: SEED + i })),
  );
  const { outcomes, faults, count: cuts } = await judgeAll(entries, planCuts(entries, CUTS, SEED));
  const flushes = entries.filter(({ isFlush }) => isFlush).length;
  const results = { writes: entries.length, flushes, cuts, seed: SEED, outcomes, faults, control };
  writeFileSync(at('results'), `${JSON.stringify(results, null, 2)}\n`);
  for (const name of ['image', 'base', 'log', 'scratch'] as const)
    await rm(at(name), { recursive: true, force: true });
  const table = Object.entries(outcomes).map(([outcome, count]) => `${count} × ${outcome}`);
  return [
    {
      what: `after each of ${cuts} power cuts (${flushes} flushes, ${entries.length} writes): ${table.join(', ')}`,
      holds: faults.length === 0 && cuts > CUTS,
      saw: faults.slice(0, 5).join(' | ') || 'too few cuts',
    },
    {
      what: 'on a disk whose flushes do nothing, dumps are lost, and it is seen',
      holds: control.faults.length > 0,
      saw: 'no fault',
    },
    {
      what: 'the cuts fell into all parts of a capture',
      holds: ['vmcore-incomplete', 'a whole vmcore with its manifest'].every(outcome => outcome in outcomes),
      saw: table.join(', '),
    },
  ];
};

export const POWER_CUT: Fault = {
  name: 'power-cut',
  help: 'the power fails at every flush of the target’s disk and at 200 other moments',
  crashWords: [`kdumpling.target=UUID=${UUID}`],
  secondDisk: disk,
  expectations: [
    expect.armed,
    expect.says('the capture is announced as saved', /kdumpling: end: saved \/var\/crash\//),
    expect.cameHome,
    everyCut,
  ],
};

/** Writes a complete dump of an earlier capture, with a valid digest. */
function writeOlderDump(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const vmcore = Buffer.alloc(OLDER_BYTES, 'an older dump. ');
  const digest = crc32(vmcore).toString(16).padStart(8, '0');
  const region = { name: 'head', offset: 0, sizeBytes: vmcore.length, digest };
  const dump = {
    name: 'vmcore',
    format: 'kdump-compressed',
    level: 31,
    codec: 'zstd',
    codecLevel: 2,
    bytes: vmcore.length,
    pageSizeBytes: 4096,
    pages: { total: 1, dumped: 1, zero: 0, unreadable: 0 },
    digest: { algorithm: 'crc32', regions: [region] },
  };
  const stamp = { name: OLDER, time: '2025-01-01T00:00:00Z', clock: 'vmcoreinfo', trusted: true };
  const manifest = { format: MANIFEST_FORMAT, state: 'complete', stamp, dump };
  writeFileSync(join(directory, 'vmcore'), vmcore);
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
}
