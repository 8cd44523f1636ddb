/** The search for the smallest reservation, with captures that are made up. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';
import { PROJECT } from '../../../../build/paths.ts';
import { asFastAs } from '../../../../qemu/faults/speed.ts';
import { openSearchJournal } from '../../../../qemu/search/journal.ts';
import { searchSmallest, searchTable, whyNot } from '../../../../qemu/search/search.ts';

const CELL = {
  kernel: '6.1-cloud',
  architecture: 'amd64',
  layout: 'lean',
  speed: 20,
  across: false,
} as const;
const memoryWith = (lowestMib: number) => ({ totalBytes: 150 << 20, lowestAvailableBytes: lowestMib << 20 });
const memory = memoryWith(20);

function search(needsMib: number, fromMib = 160) {
  const tried: number[] = [];
  const found = searchSmallest(CELL, { fromMib, stepMib: 16, runs: 1 }, async (_, mib) => {
    tried.push(mib);
    return mib >= needsMib ? { cameHome: true, memory } : { cameHome: false, why: 'no memory' };
  });
  return found.then(result => ({ result, tried }));
}

test('goes down until a capture does not come home', async () => {
  const { result, tried } = await search(120);
  expect(result).toEqual({ cell: CELL, smallestMib: 128, runs: 1, memory, why: 'no memory' });
  expect(tried).toEqual([160, 144, 128, 112]);
});

test('ends with nothing where the first does not', async () => {
  const { result, tried } = await search(500);
  expect(result).toEqual({ cell: CELL, runs: 0, why: 'no memory' });
  expect(tried).toEqual([160]);
});

test('ends at zero where everything comes home', async () => {
  const { result, tried } = await search(0, 32);
  expect(tried).toEqual([32, 16]);
  expect(result.smallestMib).toBe(16);
});

describe('several in a row', () => {
  /** Where `fails` names a capture, `112:4`, it does not come home. */
  async function inARow(runs: number, ...fails: string[]) {
    const made: string[] = [];
    const result = await searchSmallest(CELL, { fromMib: 144, stepMib: 16, runs }, async (_, mib, run) => {
      const capture = `${mib}:${run}`;
      made.push(capture);
      if (fails.includes(capture)) return { cameHome: false, why: `${capture} failed` };
      return { cameHome: true, memory: memoryWith(mib - 10 * run) };
    });
    return { result, made };
  }

  test('are made of the smallest size alone, and the least memory of them counts', async () => {
    const { result, made } = await inARow(3, '112:1');
    expect(made).toEqual(['144:1', '128:1', '112:1', '128:2', '128:3']);
    expect(result).toEqual({
      cell: CELL,
      smallestMib: 128,
      runs: 3,
      memory: memoryWith(98),
      why: '112:1 failed',
    });
  });

  test('of which one does not come home are made a step above', async () => {
    const { result, made } = await inARow(3, '112:1', '128:2');
    expect(made).toEqual(['144:1', '128:1', '112:1', '128:2', '144:2', '144:3']);
    expect(result).toMatchObject({ smallestMib: 144, runs: 3, why: '128:2 failed' });
  });

  test('that nowhere come home are none', async () => {
    const { result } = await inARow(2, '128:1', '144:2');
    expect(result).toEqual({ cell: CELL, runs: 0, why: '144:2 failed' });
  });
});

describe('the journal', () => {
  const ORIGIN = { commit: 'abc', machine: '--memory 4096' };
  const opened = (
    origin = ORIGIN,
    path = join(mkdtempSync(join(tmpdir(), 'kdumpling-search-')), 'x/smallest.json'),
  ) => ({ path, journal: openSearchJournal(path, origin) });

  test('has the captures of a cell, a size and an origin that came home', () => {
    const { path, journal } = opened();
    journal.add(CELL, 112, { cameHome: true, memory });
    journal.add(CELL, 112, { cameHome: false, why: 'no memory' });
    journal.add(CELL, 112, { cameHome: true });
    journal.add(CELL, 128, { cameHome: true });
    journal.add({ ...CELL, speed: 1 }, 112, { cameHome: true });
    const found = (origin: typeof ORIGIN) => openSearchJournal(path, origin).cameHome(CELL, 112);
    expect(found(ORIGIN)).toMatchObject([{ memory }, {}]);
    expect(found({ ...ORIGIN, commit: 'def' })).toEqual([]);
    expect(found({ ...ORIGIN, machine: '' })).toEqual([]);
    expect(journal.cameHome({ ...CELL, architecture: 'arm64' }, 112)).toEqual([]);
    expect(journal.cameHome({ ...CELL, across: true }, 112)).toEqual([]);
    rmSync(join(path, '../..'), { recursive: true });
  });

  test('of another format counts as none', () => {
    const { path, journal } = opened();
    journal.add(CELL, 112, { cameHome: true });
    writeFileSync(path, '{"format":0,"captures":[]}');
    expect(journal.cameHome(CELL, 112)).toEqual([]);
    rmSync(join(path, '../..'), { recursive: true });
  });
});

test('the table has a row for each search', async () => {
  const [captured, none] = [(await search(120)).result, (await search(500)).result];
  const rows = searchTable([captured, { ...none, cell: { ...CELL, across: true } }]).split('\n');
  expect(rows.slice(2)).toEqual([
    '| 6.1-cloud | amd64 | lean | 20 | anywhere | 128M | 1 | 20 of 150 MiB | 13 % | no memory |',
    '| 6.1-cloud | amd64 | lean | 20 | across 128 MiB | none | 0 | - | - | no memory |',
  ]);
});

test.each([
  [
    '[    2.9] Kernel panic - not syncing: System is deadlocked on memory',
    'Kernel panic - not syncing: System is deadlocked on memory',
  ],
  // A host that is too busy for an emulated timer: nothing that a larger reservation helps.
  [
    "[    0.068000] Kernel panic - not syncing: IO-APIC + timer doesn't work!",
    "Kernel panic - not syncing: IO-APIC + timer doesn't work!",
  ],
  ['[    0.5] Initramfs unpacking failed: write error', 'Initramfs unpacking failed: write error'],
  ['lab: gave up: kexec refused', 'lab: gave up: kexec refused'],
  [
    '[    0.004] crashkernel reservation failed - memory is in use.',
    'crashkernel reservation failed - memory is in use.',
  ],
])('why not: %s', (line, why) => {
  const crash = '[    9.1] Kernel panic - not syncing: sysrq triggered crash';
  expect(whyNot(['Linux version 6', crash, line, 'lab: came home'])).toBe(why);
  expect(whyNot(['lab: came home'])).toBeUndefined();
});

describe('a machine that is 20 times as fast', () => {
  const BUSYBOX = findCommand('busybox')!;

  test.each([
    ['has 20 times the time within which pages stay', '1000\n', '20000\n'],
    ['has none where there is none', '0\n', '0\n'],
  ])('%s', (_, before, after) => {
    const directory = mkdtempSync(join(tmpdir(), 'kdumpling-speed-'));
    const [ttl, bb] = [join(directory, 'ttl'), join(directory, 'bb')];
    writeFileSync(ttl, before);
    writeFileSync(bb, `#!/bin/sh\n[ "$1" = sleep ] && echo "$@" && exit\nexec ${BUSYBOX} "$@"\n`, {
      mode: 0o755,
    });
    const script = `bb=${bb}\n${asFastAs(20).replaceAll('/sys/kernel/mm/lru_gen/min_ttl_ms', ttl)}`;
    expect(execFileSync(BUSYBOX, ['sh', '-c', script], { encoding: 'utf8' })).toBe('sleep 22\n');
    expect(readFileSync(ttl, 'utf8')).toBe(after);
    rmSync(directory, { recursive: true });
  });

  test('its lines have a place in the early stage', () => {
    expect(readFileSync(join(PROJECT, 'initrd/start-node.sh'), 'utf8').match(/^exec .*node/gm)).toHaveLength(
      1,
    );
    expect(asFastAs(1)).toBe('');
  });
});
