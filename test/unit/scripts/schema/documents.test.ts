/** What each verb really prints with --json, against what is documented of it: neither has a member that the other lacks. */
import { chownSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openNodeCodec } from '../../../../capture/codecs/open.ts';
import type { Manifest } from '../../../../capture/storage/manifest.ts';
import { DUMP_OPTION } from '../../../../scripts/lib/autopsy/open.ts';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { findDump } from '../../../../scripts/lib/dumps/find-dump.ts';
import type { Host } from '../../../../scripts/lib/host/host.ts';
import { reportDump } from '../../../../scripts/lib/report/dump-report.ts';
import { DOCUMENTS, schemaFiles } from '../../../../scripts/lib/schema/documents.ts';
import type { Schema } from '../../../../scripts/lib/schema/schema.ts';
import { reportContent } from '../../../../scripts/lib/upload/payload.ts';
import { VERBS } from '../../../../scripts/verb-table.ts';
import { ARMED, LENDING } from '../../../support/armed-machine.ts';
import { type Files, hostWith } from '../../../support/host-root.ts';
import { misfits, placesOf } from '../../../support/json-schema.ts';
import { manifestDump, manifestOf } from '../../../support/manifest.ts';
import { recordOutput } from '../../../support/recorded-output.ts';
import { dump, machine, PAGE, pageOf } from '../../kdump/fixture.ts';
import { AUTOPSY } from '../report/page/sample.ts';

const output = recordOutput();

const NOBODY = 65534;

/** Verbs that take --json for what they send, and print no document. */
const SENDING = ['upload'];

const LOGS = globSync('../report/logs/*.txt', { cwd: import.meta.dirname }).map(file =>
  readFileSync(join(import.meta.dirname, file), 'latin1'),
);
const { file, result } = dump(
  machine([{ start: 0, end: 64 * PAGE }], pfn => pageOf(pfn % 3 ? 'text' : 'zero', pfn)),
  { codec: openNodeCodec('zstd', PAGE), digestAlgorithm: 'crc32' },
);
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const DIRECTORY = '/var/crash/20261121T220234Z';

function dumpWith(log: string, more: Partial<Manifest> = {}, bytes: Uint8Array = file.bytes): Files {
  const manifest = manifestOf('2026-11-21T22:02:34Z', {
    dump: manifestDump({ bytes: file.bytes.length, digest: result.digest }),
    ...more,
  });
  return {
    [`${DIRECTORY}/vmcore`]: text(bytes),
    [`${DIRECTORY}/vmcore-dmesg.txt`]: log,
    [`${DIRECTORY}/manifest.json`]: JSON.stringify(manifest),
  };
}

const FULL: Partial<Manifest> = {
  failure: 'it stopped',
  kernel: { release: '6.1.0', version: '#1 SMP', machine: 'x86_64', nodename: 'web-3', buildId: 'ab12' },
  crash: { reason: 'Kernel panic - not syncing: x', uptimeSeconds: 12.5 },
  dump: manifestDump({
    bytes: file.bytes.length,
    digest: result.digest,
    pages: {
      total: 64,
      dumped: 42,
      zero: 22,
      unreadable: 0,
      missing: 0,
      byClass: { kernel: 42, free: 0, cache: 0, privateCache: 0, user: 0, hwpoison: 0, offline: 0 },
    },
  }),
  memory: { totalBytes: 1e8, lowestAvailableBytes: 1e7 },
  cpus: { online: 4, threads: 3 },
  space: {
    totalBytes: 1e9,
    freeBytes: 5e8,
    availableBytes: 4e8,
    freeInodes: 1000,
    keepFree: '64M',
    steps: ['level 31'],
    predictedBytes: 1e5,
    predictionErrorPercent: -3.5,
    reserved: true,
    removed: [],
  },
  triage: manifestDump({
    name: 'vmcore-triage',
    bytes: 4096,
    digest: result.digest,
    pages: {
      ...{ total: 64, dumped: 2, zero: 0, unreadable: 0, missing: 0 },
      byClass: { kernel: 42, free: 0, cache: 0, privateCache: 0, user: 0, hwpoison: 0, offline: 0 },
    },
  }),
  autopsy: { state: 'failed', why: 'it was ended', class: 'null-pointer', culprit: 'mine_first' },
  files: [{ name: 'vmcore', bytes: file.bytes.length }],
  warnings: ['a warning'],
};
const DAMAGED = Buffer.from(file.bytes);
DAMAGED[DAMAGED.length - 1]! ^= 1;
const TESTED: Files = {
  '/var/lib/kdumpling/test.json': JSON.stringify({ bootId: '1', time: '2026-11-21T00:00:00Z', dumps: [] }),
  '/proc/sys/kernel/random/boot_id': '2\n',
  '/proc/sys/kernel/panic_on_oops': '1\n',
};
const SECOND_DISK: Files = {
  '/dev/vdb1': '',
  '/sys/devices/pci0000:00/block/vdb/vdb1/dev': '254:17\n',
  '/sys/class/block/vdb1': '-> ../../devices/pci0000:00/block/vdb/vdb1',
  '/etc/kdump.conf': 'ext4 /dev/vdb1\n',
};
const OF_A_USER = '/var/crash/20270101T000000Z';

const MACHINE_CHECK = [
  'mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 7: be00000000800400',
  'mce: [Hardware Error]: TSC 2a5b6c7d8e ADDR 3f7a1000 MISC 86',
  'Kernel panic - not syncing: Fatal machine check',
].join('\n');
const HUNG_TASK = [
  'INFO: task first:71 blocked for more than 120 seconds.',
  'INFO: task first:71 is blocked on a mutex likely owned by task holder:70.',
  'Kernel panic - not syncing: hung_task: blocked tasks',
].join('\n');
const UNLOADED = [
  'BUG: kernel NULL pointer dereference, address: 0000000000000008',
  'Modules linked in: mine(OE) [last unloaded: gone]',
  'RIP: 0010:mine_first+0x12/0x30 [mine]',
  'Kernel panic - not syncing: Fatal exception',
].join('\n');

/** Two tasks that wait for each other, and one for readers. */
const BLOCKED = {
  ...AUTOPSY,
  waits: [
    ...waitsOf(['a', 1, 2], ['b', 2, 1]),
    { task: { pid: 3, comm: 'c' }, state: 'D', kind: 'rwsem', lock: 'mine', readers: 2, in: 'mine_write' },
  ],
};

function waitsOf(...tasks: readonly (readonly [comm: string, pid: number, owner: number])[]) {
  return tasks.map(([comm, pid, owner]) => ({
    task: { pid, comm },
    state: 'D',
    kind: 'mutex',
    lock: `lock_${owner}`,
    owner: { pid: owner, comm: tasks.find(([, of]) => of === owner)![0] },
    in: 'mine_lock',
  }));
}

/** Machines, of which each verb is asked. */
const MACHINES: readonly Files[] = [
  {},
  { ...ARMED, [`${OF_A_USER}/vmcore`]: 'x' },
  dumpWith('a log without a crash\n'),
  { ...ARMED, ...dumpWith('a log\n', { ...FULL, state: 'incomplete' }) },
  dumpWith('a log\n', {}, DAMAGED),
  { ...ARMED, ...TESTED, '/proc/cmdline': 'ro crashkernel=192M root=/dev/vda1 panic_on_oops=1 nokaslr\n' },
  // The target does not exist, is hidden, is not mounted, is a subvolume that nobody knows.
  { ...ARMED, '/etc/kdump.conf': 'ext4 /dev/vda9\n', [`${DIRECTORY}/vmcore`]: '1' },
  {
    ...ARMED,
    '/etc/kdump.conf': 'ext4 /dev/vda1\n',
    '/proc/self/mountinfo': `${ARMED['/proc/self/mountinfo']}30 21 0:50 / /var rw - tmpfs tmpfs rw\n`,
  },
  { ...ARMED, ...SECOND_DISK, '/etc/fstab': '/dev/vdb1 /data ext4 defaults 0 0\n' },
  { ...ARMED, ...SECOND_DISK, '/etc/kdump.conf': 'btrfs /dev/vdb1\nmount_options subvolid=999\n' },
  { ...ARMED, '/etc/kdump.conf': 'command_line_append nr_cpus=2\n' },
  // With more memory its crash kernel would start more of its CPUs.
  {
    ...ARMED,
    '/proc/cpuinfo': 'flags : hypervisor\ninitial apicid : 0\n',
    '/sys/devices/system/cpu/present': '0-3\n',
  },
  LENDING,
  { [`${DIRECTORY}/vmcore-dmesg.txt`]: 'a log\n' },
  { [`${DIRECTORY}/vmcore-dmesg.txt`]: 'a log\n', [`${DIRECTORY}/vmcore-triage`]: 'x' },
  { [`${DIRECTORY}/vmcore-dmesg.txt`]: 'a log\n', [`${DIRECTORY}/autopsy.json`]: JSON.stringify(BLOCKED) },
  { '/var/crash/20261121T220235Z/manifest.json': '{"format":', '/var/crash/20261121T220235Z/vmcore': 'x' },
  ...[...LOGS, MACHINE_CHECK, HUNG_TASK, UNLOADED].map(log => dumpWith(log)),
];

function machineWith(files: Files): Host {
  const host = hostWith(files);
  if (host.exists(OF_A_USER)) chownSync(host.path(OF_A_USER), NOBODY, NOBODY);
  return host;
}

async function documentsOf(verb: string): Promise<unknown[]> {
  const command = await VERBS[verb]!();
  const documents: unknown[] = [];
  for (const files of MACHINES) {
    output.said = [];
    process.exitCode = undefined;
    await runCommand(command, ['--json', '--root', machineWith(files).root]);
    const printed = output.said.filter(said => said.startsWith('{'));
    for (const json of printed) documents.push(JSON.parse(json));
  }
  return documents;
}

const withJson: string[] = [];
/** They need the memory of a crashed kernel: their tests are in test/unit/scripts/autopsy/. */
const autopsies: string[] = [];
for (const [name, load] of Object.entries(VERBS)) {
  const { options } = await load();
  if (!Object.hasOwn(options, 'json') || SENDING.includes(name)) continue;
  (options.dump?.help === DUMP_OPTION.help ? autopsies : withJson).push(name);
}

test('every verb with --json is documented, and no other', () => {
  expect([...withJson, ...autopsies].sort()).toEqual(Object.keys(DOCUMENTS).sort());
});

describe.skipIf(process.getuid?.() !== 0).each(withJson)('%s --json', verb => {
  test('prints what is documented, and all that is documented', async () => {
    const seen = new Set<string>();
    const documents = await documentsOf(verb);
    expect(documents.length).toBeGreaterThan(1);
    expect(documents.flatMap(one => misfits(DOCUMENTS[verb]!, one, seen))).toEqual([]);
    expect([...new Set(placesOf(DOCUMENTS[verb]!))].filter(place => !seen.has(place))).toEqual([]);
  });

  test('every member has a description', () => {
    const bare = (schema: Schema, at: string): string[] =>
      Object.entries(schema.properties ?? {}).flatMap(([name, one]) => [
        ...(one.description ? [] : [`${at}.${name}`]),
        ...bare(one.items ?? one, `${at}.${name}`),
      ]);
    expect(bare(DOCUMENTS[verb]!, verb)).toEqual([]);
  });
});

test.skipIf(process.getuid?.() !== 0).each([
  ['list', { format: 1, dumps: [], ignored: [] }],
  ['info', { format: 1, dump: null }],
  ['report', { format: 2, id: null }],
])('%s --json of a machine without dumps is a document, and no failure', async (verb, document) => {
  await runCommand(await VERBS[verb]!(), ['--json', '--root', hostWith({}).root]);
  expect(output.said.map(said => JSON.parse(said))).toEqual([document]);
  expect(process.exitCode).toBe(0);
});

test('a report that is uploaded as JSON is the document of report', async () => {
  const host = hostWith(dumpWith(UNLOADED));
  const dump = findDump(host, host.path(DIRECTORY));
  const pieces: Buffer[] = [];
  for await (const piece of reportContent(reportDump(host, dump), true).read(0)) pieces.push(piece);
  const document = JSON.parse(Buffer.concat(pieces).toString());
  expect(misfits(DOCUMENTS.report!, document, new Set())).toEqual([]);
});

test('the checker refuses what is not documented, missing or of another type', () => {
  const check = (value: object) => misfits(DOCUMENTS.list!, value, new Set());
  expect(check({ format: 1, dumps: [], ignored: [] })).toEqual([]);
  expect(check({ format: 2, dumps: [], ignored: [] })).toEqual(['.format is 2, not 1']);
  expect(check({ format: 1, dumps: [] })).toEqual(['.ignored is missing']);
  expect(check({ format: 1, dumps: [], ignored: [], more: 1 })).toEqual(['.more is not documented']);
  expect(check({ format: 1, dumps: {}, ignored: [] })).toEqual(['.dumps is {}, not array']);
});

test('the schema files are JSON Schema, and take what a later version adds', () => {
  for (const [name, json] of schemaFiles()) {
    expect(name).toMatch(/^[a-z]+\.schema\.json$/);
    expect(JSON.parse(json)).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
    expect(json).not.toContain('"additionalProperties": false');
  }
});
