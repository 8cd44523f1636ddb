import { existsSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { deleteDumps } from '../../../../scripts/lib/dumps/delete.ts';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { hostWith } from '../../../support/host-root.ts';
import { manifestOf } from '../../../support/manifest.ts';

const MANIFEST = JSON.stringify(manifestOf('2026-11-21T22:02:34Z'));
const D = '/var/crash/20261121T220234Z';

test('files that kdumpling did not write stay, with their directory, and are named', () => {
  const host = hostWith({
    [`${D}/vmcore`]: '1234',
    [`${D}/vmcore-dmesg.txt`]: 'log',
    [`${D}/manifest.json`]: MANIFEST,
    [`${D}/notes.txt`]: 'hours of work',
    [`${D}/analysis/notes.txt`]: 'more of it',
    '/var/crash/20261121T220235Z/vmcore': '1234',
  });
  const lines: string[] = [];
  expect(deleteDumps(host, findDumps(host, '/var/crash').dumps, line => lines.push(line))).toBe(2);
  expect(readdirSync(host.path(D)).sort()).toEqual(['analysis', 'notes.txt']);
  expect(existsSync(host.path(`${D}/analysis/notes.txt`))).toBe(true);
  expect(existsSync(host.path('/var/crash/20261121T220235Z'))).toBe(false);
  expect(lines).toEqual([
    `${D} stays: kdumpling did not write analysis, notes.txt (2 files of somebody else)`,
  ]);
});
