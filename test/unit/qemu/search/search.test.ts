/** The search for the smallest reservation, with captures that are made up. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';
import { PROJECT } from '../../../../build/paths.ts';
import { asFastAs } from '../../../../qemu/faults/speed.ts';
import { searchSmallest, searchTable, whyNot } from '../../../../qemu/search/search.ts';

const CELL = { kernel: '6.1-cloud', layout: 'lean', speed: 20 } as const;
const memory = { totalBytes: 150 << 20, lowestAvailableBytes: 20 << 20 };

function search(needsMib: number, fromMib = 160) {
  const tried: number[] = [];
  const found = searchSmallest(CELL, { fromMib, stepMib: 16 }, async (_, mib) => {
    tried.push(mib);
    return mib >= needsMib ? { cameHome: true, memory } : { cameHome: false, why: 'no memory' };
  });
  return found.then(result => ({ result, tried }));
}

test('goes down until a capture does not come home', async () => {
  const { result, tried } = await search(120);
  expect(result).toEqual({ cell: CELL, smallestMib: 128, memory, why: 'no memory' });
  expect(tried).toEqual([160, 144, 128, 112]);
});

test('ends with nothing where the first does not', async () => {
  const { result, tried } = await search(500);
  expect(result).toEqual({ cell: CELL, why: 'no memory' });
  expect(tried).toEqual([160]);
});

test('ends at zero where everything comes home', async () => {
  const { tried } = await search(0, 32);
  expect(tried).toEqual([32, 16]);
});

test('the table has a row for each search', async () => {
  const rows = searchTable([(await search(120)).result, (await search(500)).result]).split('\n');
  expect(rows.slice(2)).toEqual([
    '| 6.1-cloud | lean | 20 | 128M | 20 of 150 MiB | no memory |',
    '| 6.1-cloud | lean | 20 | none | - | no memory |',
  ]);
});

test.each([
  [
    '[    2.9] Kernel panic - not syncing: System is deadlocked on memory',
    'Kernel panic - not syncing: System is deadlocked on memory',
  ],
  ['[    0.5] Initramfs unpacking failed: write error', 'Initramfs unpacking failed: write error'],
  ['lab: gave up: kexec refused', 'lab: gave up: kexec refused'],
])('why not: %s', (line, why) => {
  expect(whyNot(['Linux version 6', line, 'lab: came home'])).toBe(why);
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
    expect(readFileSync(join(PROJECT, 'initrd/early.sh'), 'utf8').match(/^exec .*node/gm)).toHaveLength(1);
    expect(asFastAs(1)).toBe('');
  });
});
