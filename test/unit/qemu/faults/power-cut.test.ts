import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { durableEntries, planCuts, reachedEntries } from '../../../../qemu/faults/power-cut/cuts.ts';
import { replayCuts } from '../../../../qemu/faults/power-cut/replay.ts';
import { type LogEntry, readWriteLog } from '../../../../qemu/faults/power-cut/write-log.ts';

const SECTOR = 512;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-power-cut-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** An operation of a disk: a sector filled with a letter, a flush, a discard. */
type Step = { sector: number; letter: string; fua?: true } | 'flush' | 'discard';
const [FLUSH, FUA, DISCARD] = [1, 2, 4];

function writeLog(steps: readonly Step[]): string {
  const sector = (fill: (view: DataView) => void, letter?: string) => {
    const bytes = Buffer.alloc(SECTOR, letter ?? '\0');
    if (!letter) fill(new DataView(bytes.buffer, bytes.byteOffset));
    return bytes;
  };
  const head = sector(view => {
    view.setBigUint64(0, 0x6a736677736872n, true);
    view.setBigUint64(8, 1n, true);
    view.setBigUint64(16, BigInt(steps.length), true);
    view.setUint32(24, SECTOR, true);
  });
  const parts = steps.flatMap(step => {
    const isWrite = typeof step === 'object';
    const entry = sector(view => {
      view.setBigUint64(0, BigInt(isWrite ? step.sector : 0), true);
      view.setBigUint64(8, step === 'flush' ? 0n : 1n, true);
      view.setBigUint64(
        16,
        BigInt(step === 'flush' ? FLUSH : step === 'discard' ? DISCARD : step.fua ? FUA : 0),
        true,
      );
    });
    return isWrite ? [entry, sector(() => {}, step.letter)] : [entry];
  });
  const path = join(directory, 'log');
  writeFileSync(path, Buffer.concat([head, ...parts]));
  return path;
}

const STEPS: readonly Step[] = [
  { sector: 0, letter: 'a' },
  { sector: 1, letter: 'b' },
  'flush',
  'discard',
  { sector: 0, letter: 'c' },
  { sector: 2, letter: 'd', fua: true },
  { sector: 3, letter: 'e' },
  'flush',
  { sector: 4, letter: 'f' },
];

test('reads a log as it was written', () => {
  const { entries, sectorBytes } = readWriteLog(writeLog(STEPS));
  expect(sectorBytes).toBe(SECTOR);
  expect(
    entries.map(({ offset, dataOffset, isFlush, isFua }) => [
      offset / SECTOR,
      dataOffset !== undefined,
      isFlush,
      isFua,
    ]),
  ).toEqual([
    [0, true, false, false],
    [1, true, false, false],
    [0, false, true, false],
    [0, false, false, false],
    [0, true, false, false],
    [2, true, false, true],
    [3, true, false, false],
    [0, false, true, false],
    [4, true, false, false],
  ]);
});

test('refuses a file that is not a log', () => {
  const path = join(directory, 'no-log');
  writeFileSync(path, Buffer.alloc(4096));
  expect(() => readWriteLog(path)).toThrow(/Cannot read the write log .*a log of blklogwrites/);
});

test.each([
  [0, 0],
  [2, 0],
  [3, 3],
  [7, 3],
  [8, 8],
  [9, 8],
])('of the first %i entries, %i are durable', (at, durable) =>
  expect(durableEntries(readWriteLog(writeLog(STEPS)).entries, at)).toBe(durable),
);

test('cuts are before and after every flush, and elsewhere; the same seed gives the same cuts', () => {
  const { entries } = readWriteLog(writeLog(STEPS));
  const cuts = planCuts(entries, 50, 7);
  expect(cuts).toEqual(planCuts(entries, 50, 7));
  expect(cuts).not.toEqual(planCuts(entries, 50, 8));
  expect(cuts).toHaveLength(1 + 2 * 2 + 50);
  for (const at of [2, 3, 7, 8]) expect(cuts.some(cut => cut.at === at)).toBe(true);
  expect(cuts.every(({ at }) => at >= 0 && at <= entries.length)).toBe(true);
  expect(cuts.map(({ at }) => at)).toEqual(cuts.map(({ at }) => at).toSorted((a, b) => a - b));
});

describe('of the writes since the last flush', () => {
  const big = (index: number): LogEntry => ({
    offset: index * 8192,
    sizeBytes: 8192,
    isFlush: false,
    isFua: index % 10 === 0,
    dataOffset: 1,
  });
  const entries = Array.from({ length: 400 }, (_, index) => big(index));

  test('all of them', () => {
    const reached = reachedEntries(entries, 10, { at: 400, kind: 'all', seed: 1 }, SECTOR);
    expect(reached.map(({ sizeBytes }) => sizeBytes)).toEqual(Array(390).fill(8192));
  });

  test('some: half are lost, some are torn between sectors, forced writes stay', () => {
    const reached = reachedEntries(entries, 10, { at: 400, kind: 'some', seed: 1 }, SECTOR);
    const free = reached.filter(({ entry }) => !entry.isFua);
    const torn = free.filter(({ sizeBytes }) => sizeBytes < 8192);
    expect(free.length).toBeGreaterThan(130);
    expect(free.length).toBeLessThan(220);
    expect(torn.length).toBeGreaterThan(20);
    expect(torn.every(({ sizeBytes }) => sizeBytes % SECTOR === 0)).toBe(true);
    expect(reached.filter(({ entry }) => entry.isFua).map(({ sizeBytes }) => sizeBytes)).toEqual(
      Array(39).fill(8192),
    );
  });
});

test('each disk is what the log says, and no cut affects the next', async () => {
  const log = readWriteLog(writeLog(STEPS));
  const base = join(directory, 'base');
  const image = join(directory, 'image');
  writeFileSync(base, Buffer.alloc(6 * SECTOR, '.'));
  const cuts = [0, 2, 3, 6, 9].map(at => ({ at, kind: 'all', seed: 1 }) as const);
  const seen: string[] = [];
  for await (const _ of replayCuts({ log, base, image, cuts })) {
    const bytes = readFileSync(image, 'latin1');
    seen.push(Array.from({ length: 6 }, (_, sector) => bytes[sector * SECTOR]).join(''));
  }
  expect(seen).toEqual(['......', 'ab....', 'ab....', 'cbd...', 'cbdef.']);
});
