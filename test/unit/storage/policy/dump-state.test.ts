import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../../../capture/storage/manifest.ts';
import {
  type DumpFacts,
  foreignFiles,
  isDumpDirectory,
  judgeDump,
  readDumpFacts,
} from '../../../../capture/storage/policy/dump-state.ts';
import { removeDump, storedDumps } from '../../../../capture/storage/policy/dump-store.ts';
import { checkOutline, ManifestDamage } from '../../../../capture/storage/read-manifest.ts';

const STAMP = '20261121T220234Z';
const said = (state: 'complete' | 'incomplete', bytes?: number, name = 'vmcore', more = {}) =>
  ({
    format: 1,
    state,
    stamp: { name: STAMP },
    dump: bytes === undefined ? undefined : { name, bytes },
    ...more,
  }) as Manifest;
const facts = (files: Record<string, number>, manifest?: DumpFacts['manifest']): DumpFacts => ({
  name: STAMP,
  files: new Map(Object.entries(files)),
  manifest,
});

describe('what a dump directory holds, by the moment at which the power went', () => {
  test.each([
    ['as it should be', facts({ vmcore: 5, 'manifest.json': 1 }, said('complete', 5)), 'complete', undefined],
    [
      'after the rename, before the manifest',
      facts({ vmcore: 5, 'vmcore-dmesg.txt': 2 }),
      'complete',
      /no manifest/,
    ],
    [
      'while it was written',
      facts({ 'vmcore-incomplete': 5, 'vmcore-dmesg.txt': 2 }),
      'incomplete',
      /while it was written/,
    ],
    ['behind the log', facts({ 'vmcore-dmesg.txt': 2 }), 'incomplete', /after the kernel’s log was written/],
    ['in an empty directory', facts({}), 'missing', /no dump in it/],
    [
      'not at all, but it failed',
      facts({ 'vmcore-incomplete': 5 }, said('incomplete', undefined, '', { failure: 'dump: EIO' })),
      'incomplete',
      /dump: EIO/,
    ],
    [
      'not at all, but there was little room',
      facts({ 'vmcore-incomplete': 5 }, said('incomplete', 5, 'vmcore-incomplete', { failure: 'no room' })),
      'incomplete',
      /no room/,
    ],
    ['later: the dump was removed', facts({ 'manifest.json': 1 }, said('complete', 5)), 'missing', /removed/],
    [
      'later: the incomplete dump was removed',
      facts({}, said('incomplete', 5, 'vmcore-incomplete')),
      'missing',
      /removed/,
    ],
    ['later: the dump was cut', facts({ vmcore: 4 }, said('complete', 5)), 'damaged', /4 bytes, and had 5/],
    [
      'later: the manifest was damaged',
      facts({ vmcore: 5 }, new ManifestDamage('it is not JSON')),
      'damaged',
      /is damaged: it is not JSON/,
    ],
    [
      'when the rename could not be synced',
      facts({ vmcore: 5 }, said('incomplete', undefined, '', { failure: 'commit: EIO' })),
      'complete',
      /commit: EIO/,
    ],
  ] as const)('%s', (_, given, state, why) => {
    const verdict = judgeDump(given);
    expect(verdict.state).toBe(state);
    if (why) expect(verdict.why).toMatch(why);
    else expect(verdict.why).toBeUndefined();
  });
});

test.each([
  ['its manifest', STAMP, facts({}, said('complete')), true],
  ['its name and a dump', STAMP, facts({ vmcore: 1 }), true],
  ['a name for a second crash', `${STAMP}-2`, facts({ 'vmcore-incomplete': 1 }), true],
  ['a name alone is not enough', STAMP, facts({ notes: 1 }), false],
  ['a dump alone is not enough', 'precious', facts({ vmcore: 1 }), false],
  ['one that was renamed is somebody’s', 'precious', facts({ vmcore: 1 }, said('complete')), false],
])('ours: %s', (_, name, given, expected) => expect(isDumpDirectory({ ...given, name })).toBe(expected));

describe('on a disk', () => {
  const root = mkdtempSync(join(tmpdir(), 'kdumpling-store-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const make = (name: string, files: Record<string, string>) => {
    mkdirSync(join(root, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(root, name, file), text);
  };

  test('dumps are found, and nothing else', () => {
    make(STAMP, { vmcore: 'x'.repeat(10000), 'manifest.json': JSON.stringify(said('complete', 10000)) });
    make('20261122T000000Z', { 'vmcore-incomplete': 'x' });
    make('127.0.0.1-2026-11-21-22:02:34', { vmcore: 'of kdump’s' });
    writeFileSync(join(root, '20261123T000000Z'), 'a file');
    symlinkSync(STAMP, join(root, '20261124T000000Z'));
    const dumps = storedDumps(root);
    expect(dumps.map(({ name, isComplete }) => [name, isComplete])).toEqual([
      [STAMP, true],
      ['20261122T000000Z', false],
    ]);
    expect(dumps[0].bytes).toBeGreaterThanOrEqual(10000);
  });

  test('what is removed is ours; the rest stays, and is named', () => {
    make('20261125T000000Z', { vmcore: 'x', 'vmcore-dmesg.txt': 'x', 'analysis.txt': 'hours of work' });
    symlinkSync('/etc/passwd', join(root, '20261125T000000Z', 'kexec-dmesg.log'));
    expect(foreignFiles(readDumpFacts(root, '20261125T000000Z', checkOutline)).sort()).toEqual([
      'analysis.txt',
      'kexec-dmesg.log',
    ]);
    expect(removeDump(root, '20261125T000000Z').sort()).toEqual(['analysis.txt', 'kexec-dmesg.log']);
    expect(readdirSync(join(root, '20261125T000000Z')).sort()).toEqual(['analysis.txt', 'kexec-dmesg.log']);
    expect(removeDump(root, STAMP)).toEqual([]);
    expect(readdirSync(root)).not.toContain(STAMP);
  });
});
