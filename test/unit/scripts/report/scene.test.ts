/** What a report makes of the autopsy that a capture wrote, with and without a dump beside it. */
import { describe, expect, test } from 'vitest';
import { AUTOPSY_JSON, type Autopsy, present } from '../../../../capture/autopsy/summary/autopsy.ts';
import { fitted } from '../../../../capture/autopsy/summary/fit.ts';
import { parseAutopsy } from '../../../../scripts/lib/dumps/autopsy-schema.ts';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { dumpLines } from '../../../../scripts/lib/dumps/list-text.ts';
import { reportOf } from '../../../../scripts/lib/report/crash-report.ts';
import { reportDump } from '../../../../scripts/lib/report/dump-report.ts';
import { sceneLines } from '../../../../scripts/lib/report/scene-lines.ts';
import { reportLines, reportPage } from '../../../../scripts/lib/report/text.ts';
import { FILE_DOCUMENTS } from '../../../../scripts/lib/schema/documents.ts';
import { hostWith } from '../../../support/host-root.ts';
import { misfits, placesOf } from '../../../support/json-schema.ts';
import { manifestOf } from '../../../support/manifest.ts';
import { AUTOPSY } from './page/sample.ts';

const ID = '20261126T100955Z';
const DIRECTORY = `/var/crash/${ID}`;
/** As a capture writes it. */
const SAVED: Autopsy = {
  ...AUTOPSY,
  memory: { missing: 'the dump has it' },
  log: { missing: 'vmcore-dmesg.txt has it' },
};

function dumpWith(files: Readonly<Record<string, string>>) {
  const paths = Object.entries(files).map(([name, text]) => [`${DIRECTORY}/${name}`, text]);
  const host = hostWith(Object.fromEntries(paths));
  const [dump] = findDumps(host, '/var/crash').dumps;
  return { host, dump: dump! };
}

function reportWith(files: Readonly<Record<string, string>>) {
  const { host, dump } = dumpWith(files);
  return reportDump(host, dump);
}

const LOG = '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n';

describe('a directory with the log and the autopsy', () => {
  const report = reportWith({ 'vmcore-dmesg.txt': '', [AUTOPSY_JSON]: JSON.stringify(SAVED) });

  test('class, culprit, task, registers and stack come from the autopsy', () => {
    const { crash } = report;
    expect(crash).toMatchObject({
      class: 'null-pointer',
      stackFrom: 'autopsy',
      culprit: { name: expect.any(String) },
      differences: [],
    });
    expect(crash.task!.comm).toBe('insmod');
    expect(crash.trace.length).toBeGreaterThan(3);
    expect(reportPage(report)).toContain('Call trace by the autopsy before the dump, innermost first');
  });

  test('what the log says otherwise is a difference', () => {
    const { crash } = reportWith({ 'vmcore-dmesg.txt': LOG, [AUTOPSY_JSON]: JSON.stringify(SAVED) });
    expect(crash.differences).toEqual([
      'By the stack in memory the crash is of class null-pointer, by the log of class sysrq.',
    ]);
  });

  test.each([
    ['cut', JSON.stringify(SAVED).slice(0, 1000)],
    ['of another format', JSON.stringify({ ...SAVED, format: 99 })],
    ['with a stack that is none', JSON.stringify({ ...SAVED, crash: { ...SAVED.crash, stack: 7 } })],
  ])('an autopsy that is %s is none', (_, json) => {
    expect(reportWith({ 'vmcore-dmesg.txt': LOG, [AUTOPSY_JSON]: json }).crash.stackFrom).toBe('log');
  });

  test('the list says so', () => {
    const manifest = manifestOf('2026-11-26T10:09:55Z', {
      state: 'incomplete',
      failure: 'the disk is full',
      autopsy: { state: 'saved' },
    });
    const { dump } = dumpWith({ 'vmcore-dmesg.txt': LOG, 'manifest.json': JSON.stringify(manifest) });
    expect(dumpLines([dump])[0]).toContain('with stacks');
  });

  test('without the log it is an incomplete dump still', () => {
    expect(dumpWith({ [AUTOPSY_JSON]: JSON.stringify(SAVED) }).dump.state).toBe('incomplete');
  });
});

test('the dump and the autopsy before it differ: the report says in what', () => {
  const manifest = manifestOf('2026-11-26T10:09:55Z', {
    autopsy: { state: 'saved', class: 'sysrq' },
  });
  const dump = {
    ...dumpWith({ 'vmcore-dmesg.txt': LOG }).dump,
    manifest,
  };
  expect(reportOf(dump, '', undefined, AUTOPSY).crash.differences).toEqual([
    'The autopsy before the dump says class sysrq, the dump null-pointer.',
  ]);
});

test('the journal has who waits for whom, and what the other CPUs did', () => {
  const journal = (autopsy: Autopsy) => {
    const host = dumpWith({ 'vmcore-dmesg.txt': LOG, [AUTOPSY_JSON]: JSON.stringify(autopsy) });
    return [...reportLines(reportDump(host.host, host.dump)), ...sceneLines(ID, autopsy)];
  };
  const lines = journal(SAVED);
  expect(lines.some(line => line.startsWith(`crash ${ID}: blocked: `) && line.includes('held by'))).toBe(
    true,
  );
  expect(lines.some(line => line.startsWith(`crash ${ID}: other CPU: `))).toBe(true);
  const waits = Array.from({ length: 40 }, (_, pid) => ({ task: { pid, comm: '\x1b[2J' }, state: 'D' }));
  const many = journal({ ...SAVED, waits });
  expect(many).toContain(`crash ${ID}: blocked: and 24 more`);
  expect(many.join('')).not.toContain('\x1b');
});

describe('autopsy.json', () => {
  const cut = fitted(SAVED, 3000)!;
  const [first] = present(SAVED.waits)!;
  const odd: Autopsy = {
    ...SAVED,
    waits: [{ ...first!, readers: 2 }],
    cpus: { missing: 'no runqueue can be read' },
    stacks: [
      {
        stack: [{ address: '0x1', context: 'IRQ', interrupted: true, doubtful: true }],
        incomplete: 'it ends early',
        count: 1,
        states: { D: 1 },
        tasks: [],
      },
    ],
    leftOut: { stacks: 1, cpus: 2, waits: 3, modules: 4 },
  };
  const crash: Autopsy = {
    ...SAVED,
    crash: { ...present(SAVED.crash)!, culprit: { address: '0x1', name: 'f' } },
  };
  const all = [SAVED, cut, odd, crash];

  test('is what is documented, and all that is documented', () => {
    const seen = new Set<string>();
    const schema = FILE_DOCUMENTS[AUTOPSY_JSON]!;
    for (const one of all) expect(misfits(schema, JSON.parse(JSON.stringify(one)), seen)).toEqual([]);
    const unseen = [...new Set(placesOf(schema))].filter(place => !seen.has(place));
    expect(unseen).toEqual([]);
  });

  test('is read back as it was written', () => {
    for (const one of all) expect(parseAutopsy(JSON.stringify(one))).toEqual(JSON.parse(JSON.stringify(one)));
  });

  test('is cut to a size, the longest list first, and says what was left out', () => {
    expect(fitted(SAVED, 1e6)).toBe(SAVED);
    expect(JSON.stringify(cut).length).toBeLessThan(JSON.stringify(SAVED).length);
    expect(cut.leftOut!.stacks).toBeGreaterThan(0);
    expect(fitted(SAVED, 100)).toBeUndefined();
  });
});
