/** Dumps as other programs leave them, by the shapes that their scripts make. */

import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { encodeFlattenedHeader, encodeRecordHeader } from '../../../../capture/kdump/format/flattened.ts';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { infoText } from '../../../../scripts/lib/dumps/info-text.ts';
import { kernelLog } from '../../../../scripts/lib/dumps/kernel-log.ts';
import { dumpLines } from '../../../../scripts/lib/dumps/list-text.ts';
import { reportDump } from '../../../../scripts/lib/report/dump-report.ts';
import { reportPage } from '../../../../scripts/lib/report/text.ts';
import { placeToVerify } from '../../../../scripts/lib/verify/dump-place.ts';
import { hostWith } from '../../../support/host-root.ts';
import { KernelBuilder } from '../../../support/kernel-builder.ts';

const KDUMP = `KDUMP   ${'\0'.repeat(500)}`;
/** DUMP_DH_COMPRESSED_INCOMPLETE in `status`, as makedumpfile leaves it. */
const CUT = `KDUMP   ${'\0'.repeat(416)}\x08${'\0'.repeat(83)}`;
const LOG = '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n';
const CORE = Buffer.from(new KernelBuilder({ records: [{ text: 'one' }, { text: 'two' }] }).build()).toString(
  'latin1',
);

const flattened = (file: string) =>
  [
    encodeFlattenedHeader(),
    encodeRecordHeader(0n, BigInt(file.length)),
    Buffer.from(file, 'latin1'),
    encodeRecordHeader(-1n, -1n),
  ]
    .map(piece => Buffer.from(piece).toString('latin1'))
    .join('');
const FLAT = flattened(CORE);
const GZ = gzipSync('x').toString('latin1');

const SHAPES: Record<string, Record<string, string>> = {
  // kdump-tools 1.8: always flattened, since it goes through a pipe
  '202611281012': { 'dump.202611281012': FLAT, 'dmesg.202611281012': LOG },
  '202611281011': { 'dump.202611281011': FLAT.slice(0, -5000) },
  '202611281010': { 'dump.202611281010.gz': GZ, 'dmesg.202611281010': LOG },
  '202611281009': { 'dump.202611281009': FLAT },
  '202611281013': { 'dump-incomplete': CUT, 'dmesg.202611281013': LOG },
  'web7-202611281014': { 'vmcore.202611281014': CORE },
  // kdump-utils
  '127.0.0.1-2026-11-28-10:12:13': { vmcore: KDUMP, 'vmcore-dmesg.txt': LOG, 'kexec-dmesg.log': 'x' },
  '127.0.0.1-2026-11-28-10:12:14': {
    'vmcore-incomplete': CUT,
    'vmcore-dmesg-incomplete.txt': LOG,
    'kexec-dmesg.log': 'x',
  },
  '127.0.0.1-2026-11-28-10:12:15': { 'vmcore-dmesg.txt': LOG },
  '127.0.0.1-2026-11-28-10:12:16': { vmcore: CORE, 'vmcore-dmesg-incomplete.txt': '' },
  // SUSE kdump
  '2026-11-28-10:12': {
    vmcore: KDUMP,
    'dmesg.txt': LOG,
    'rearrange.sh': 'x',
    'README.txt': 'Kernel crashdump',
  },
  '2026-11-28-10:13': { 'vmcore.flat': FLAT, 'makedumpfile-R.pl': '#!/usr/bin/perl', 'README.txt': 'x' },
  // by hand
  'saved-by-hand': { vmcore: CUT },
  odd: { vmcore: 'no dump at all' },
  empty: { notes: 'x' },
};
const FILES = Object.fromEntries(
  Object.entries(SHAPES).flatMap(([directory, files]) =>
    Object.entries(files).map(([name, text]) => [`/var/crash/${directory}/${name}`, text]),
  ),
);
const ALONE = {
  '/var/crash/dump.kdump': KDUMP,
  '/var/crash/vmcore-7': CORE,
  '/var/crash/core.1234': CORE,
  '/var/crash/_usr_bin_sleep.0.crash': 'ProblemType: Crash',
  '/var/crash/kexec_cmd': '/sbin/kexec -p',
};

const host = () => hostWith({ ...FILES, ...ALONE });
const found = () => findDumps(host(), '/var/crash');

test('which program made it, its state, its dump and its log', () => {
  const rows = found().dumps.map(({ id, madeBy, state, dumpFile, logFile, isOurs }) => [
    id,
    [madeBy, state, dumpFile, logFile, isOurs].join(' | '),
  ]);
  expect(Object.fromEntries(rows)).toEqual({
    '202611281012': 'kdump-tools | complete | dump.202611281012 | dmesg.202611281012 | false',
    '202611281011': 'kdump-tools | incomplete | dump.202611281011 |  | false',
    '202611281010': 'kdump-tools | complete | dump.202611281010.gz | dmesg.202611281010 | false',
    '202611281009': 'kdump-tools | complete | dump.202611281009 |  | false',
    '202611281013': 'kdump-tools | incomplete | dump-incomplete | dmesg.202611281013 | false',
    'web7-202611281014': 'kdump-tools | complete | vmcore.202611281014 |  | false',
    '127.0.0.1-2026-11-28-10:12:13': 'kdump-utils | complete | vmcore | vmcore-dmesg.txt | false',
    '127.0.0.1-2026-11-28-10:12:14':
      'kdump-utils | incomplete | vmcore-incomplete | vmcore-dmesg-incomplete.txt | false',
    '127.0.0.1-2026-11-28-10:12:15': 'kdump-utils | missing |  | vmcore-dmesg.txt | false',
    '127.0.0.1-2026-11-28-10:12:16': 'kdump-utils | complete | vmcore |  | false',
    '2026-11-28-10:12': 'SUSE kdump | complete | vmcore | dmesg.txt | false',
    '2026-11-28-10:13': 'SUSE kdump | complete | vmcore.flat |  | false',
    'saved-by-hand': 'another program | incomplete | vmcore |  | false',
    odd: 'another program | damaged | vmcore |  | false',
    'dump.kdump': 'another program | complete | dump.kdump |  | false',
    'vmcore-7': 'another program | complete | vmcore-7 |  | false',
  });
});

test('what others made is never called verified, nor its clock wrong', () => {
  const { dumps } = found();
  const machine = host();
  const shown = dumps.flatMap(dump => [infoText(dump), reportPage(reportDump(machine, dump))]).join('\n');
  expect(shown).not.toMatch(/verified|clock|undefined|read back when/);
  expect(shown).toContain('complete: by its name; kdump-tools did not read it back');
  expect(dumpLines(dumps).join('\n')).toContain('(by kdump-utils)');
});

describe('the kernel log', () => {
  const logOf = (id: string) => {
    const machine = host();
    const dump = findDumps(machine, '/var/crash').dumps.find(one => one.id === id)!;
    return [...kernelLog(machine, dump, { warn: () => {} })].join('');
  };

  test.each([['202611281012'], ['127.0.0.1-2026-11-28-10:12:14'], ['2026-11-28-10:12']])('%s: its text', id =>
    expect(logOf(id)).toBe(LOG),
  );
  test.each([
    ['202611281009'],
    ['web7-202611281014'],
    ['127.0.0.1-2026-11-28-10:12:16'],
    ['2026-11-28-10:13'],
    ['vmcore-7'],
  ])('%s: from the memory in the dump', id =>
    expect(logOf(id)).toBe('[    0.000000] one\n[    0.001000] two\n'),
  );
  test('of a dump that does not have it', () => expect(() => logOf('saved-by-hand')).toThrow('Cannot'));
});

test.each([
  ['202611281012', 'dump.202611281012'],
  ['127.0.0.1-2026-11-28-10:12:14', 'vmcore-incomplete'],
  ['2026-11-28-10:12', 'vmcore'],
])('verify finds the dump in %s', (id, file) => {
  const machine = host();
  const path = machine.path(`/var/crash/${id}`);
  expect(placeToVerify(machine, path, true)).toEqual({ path: `${path}/${file}` });
});

test('a dump that is compressed as a file must be decompressed first', () => {
  const machine = host();
  const path = machine.path('/var/crash/202611281010');
  expect(() => placeToVerify(machine, path, true)).toThrow(
    'it is compressed with gzip. Decompress it first: gzip -d',
  );
});
