/** Whose crash it is: not the reading machine's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { encodeDiskDumpHeader } from '../../../../capture/kdump/format/header.ts';
import type { Manifest } from '../../../../capture/storage/manifest.ts';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { crashedName } from '../../../../scripts/lib/report/crashed-name.ts';
import { reportDump } from '../../../../scripts/lib/report/dump-report.ts';
import { hostWith } from '../../../support/host-root.ts';
import { UTSNAME } from '../../kdump/fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'kdumpling-name-'));
afterAll(() => rmSync(folder, { recursive: true }));

function vmcoreOf(nodename: string): string {
  const path = join(folder, `vmcore-${nodename}`);
  const header = encodeDiskDumpHeader({
    signature: 'KDUMP   ',
    header_version: 6,
    utsname: { ...UTSNAME, nodename },
    timestamp: { tv_sec: 0, tv_usec: 0 },
    status: 0,
    block_size: 4096,
    sub_hdr_size: 1,
    bitmap_blocks: 2,
    max_mapnr: 1,
    nr_cpus: 1,
  });
  writeFileSync(path, header);
  return path;
}

const manifestOf = (nodename?: string) => ({ kernel: { nodename } }) as Manifest;

test('the manifest says it, else the header of the dump', () => {
  expect(crashedName(manifestOf('db3'), vmcoreOf('web7'))).toBe('db3');
  expect(crashedName(manifestOf(), vmcoreOf('web7'))).toBe('web7');
  expect(crashedName(manifestOf('(none)'), vmcoreOf('(none)'))).toBeUndefined();
  expect(crashedName(undefined, vmcoreOf('web7'))).toBe('web7');
});

test('what nobody says is not known', () => {
  expect(crashedName(manifestOf(), undefined)).toBeUndefined();
  expect(crashedName(undefined, vmcoreOf('(unknown)'))).toBeUndefined();
  writeFileSync(join(folder, 'elf'), '\x7fELF');
  expect(crashedName(undefined, join(folder, 'elf'))).toBeUndefined();
});

test('a report of a dump without a name does not take the reader’s', () => {
  const directory = '/var/crash/20261126T100955Z';
  const host = hostWith({
    '/etc/hostname': 'reader\n',
    [`${directory}/vmcore-dmesg.txt`]: 'Linux version 6.1\n',
  });
  const [dump] = findDumps(host, '/var/crash').dumps;
  const report = reportDump(host, dump!);
  expect(report.host).toBeUndefined();
  expect(JSON.stringify(report)).not.toContain('reader');
  expect(report.summary).not.toContain(hostname());
});
