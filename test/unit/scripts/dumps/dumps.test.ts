import { describe, expect, test } from 'vitest';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { dumpOf } from '../../../../scripts/lib/dumps/find-dump.ts';
import { infoText } from '../../../../scripts/lib/dumps/info-text.ts';
import { dumpLines } from '../../../../scripts/lib/dumps/list-text.ts';
import { judgeTest } from '../../../../scripts/lib/status/test-record.ts';
import { hostWith } from '../../../support/host-root.ts';
import { manifestOf } from '../../../support/manifest.ts';

function manifest(time: string, more: object = {}): string {
  return JSON.stringify(manifestOf(time, more));
}

const DIRECTORY = '/var/crash';
const DUMPS = {
  '/var/crash/20261121T220234Z/vmcore': '1234',
  '/var/crash/20261121T220234Z/manifest.json': manifest('2026-11-21T22:02:34Z'),
  '/var/crash/20261121T220235Z/vmcore-incomplete': '12',
  '/var/crash/20261121T220235Z/manifest.json': manifest('2026-11-21T22:02:35Z', {
    state: 'incomplete',
    failure: 'dump: no space',
    dump: undefined,
  }),
  '/var/crash/20261121T220236Z/manifest.json': manifest('2026-11-21T22:02:36Z'),
  '/var/crash/20261121T220237Z/vmcore': '12345',
  '/var/crash/20261121T220237Z/manifest.json': manifest('2026-11-21T22:02:37Z'),
};
const OTHERS = {
  '/var/crash/202611212202/vmcore': `KDUMP   ${'\0'.repeat(500)}`,
  '/var/crash/20261122T000000Z/vmcore-dmesg-incomplete.txt': 'cut off',
  '/var/crash/20261123T000000Z/vmcore': 'x',
  '/var/crash/20261123T000000Z/manifest.json': '{ no json',
  '/var/crash/lost+found/': '',
  '/var/crash/kexec_cmd': 'a file',
};

test('states, newest last', () => {
  const dumps = findDumps(hostWith(DUMPS), DIRECTORY).dumps;
  expect(dumps.map(({ id, state }) => `${id} ${state}`)).toEqual([
    '20261121T220234Z complete',
    '20261121T220235Z incomplete',
    '20261121T220236Z missing',
    '20261121T220237Z damaged',
  ]);
  expect(dumpLines(dumps)[0]).toMatch(/^20261121T220234Z {2}complete {4}\d+ B +Kernel panic/);
  expect(dumpLines(dumps)[1]).toMatch(/incomplete .* dump: no space; Kernel panic/);
  expect(infoText(dumps[3]!)).toMatch(/state +damaged: vmcore has 5 bytes, and had 4 when it was written\n/);
  expect(infoText(dumps[0]!)).toContain('3 kept of 9, 2 zero; dump level 31');
});

test('what others left, and what is no dump', () => {
  const dumps = findDumps(hostWith(OTHERS), DIRECTORY).dumps;
  const states = Object.fromEntries(dumps.map(one => [one.id, `${one.state} ${one.isOurs}`]));
  expect(states).toEqual({
    '202611212202': 'complete false',
    '20261122T000000Z': 'missing true',
    '20261123T000000Z': 'damaged true',
  });
  expect(dumps.map(infoText).join()).not.toContain('undefined');
});

test('a clock that cannot be trusted: by when the directory was written', () => {
  const files = {
    ...DUMPS,
    '/var/crash/19700101T000012Z/vmcore': '1234',
    '/var/crash/19700101T000012Z/manifest.json': manifest('1970-01-01T00:00:12Z'),
  };
  const dumps = findDumps(hostWith(files), DIRECTORY).dumps;
  expect(dumps.find(({ id }) => id.startsWith('1970'))!.time.getFullYear()).toBeGreaterThan(2020);
});

test('no directory, no dumps', () => expect(findDumps(hostWith({}), DIRECTORY).dumps).toEqual([]));

test('by name, or by its beginning', () => {
  const dumps = findDumps(
    hostWith({ ...DUMPS, '/var/crash/20261121T220234Z-2/vmcore': '' }),
    DIRECTORY,
  ).dumps;
  expect(dumpOf(dumps, '20261121T220234Z').id).toBe('20261121T220234Z');
  expect(dumpOf(dumps, '20261121T220235').id).toBe('20261121T220235Z');
  expect(() => dumpOf(dumps, '2026')).toThrow(/5 dumps begin so: 20261121T220234Z, /);
  expect(() => dumpOf(dumps, '2027')).toThrow(
    'Cannot find dump "2027": none of 5 dumps has that ID. Did you mean 20261121T220234Z-2?',
  );
  expect(() => dumpOf(dumps, '')).toThrow(/none of 5 dumps has that ID/);
  expect(() => dumpOf([], 'x')).toThrow('Cannot find dump "x": this machine has no dumps');
});

describe('a crash on purpose', () => {
  const record = { bootId: 'a', time: '2026-11-21T22:02:30Z', dumps: ['20261121T220230Z'] };
  const all = findDumps(hostWith(DUMPS), DIRECTORY).dumps;
  test.each([
    ['the same boot', 'a', all, false, /did not crash/],
    ['no new dump', 'b', [], false, /left no dump/],
    [
      'an incomplete one',
      'b',
      all.slice(1, 2),
      false,
      /left 20261121T220235Z, which is incomplete: dump: no space/,
    ],
    ['a complete one', 'b', all, true, /was captured: 20261121T220234Z/],
    ['only what was there before', 'b', [{ ...all[0]!, id: '20261121T220230Z' }], false, /left no dump/],
    [
      'only what is older',
      'b',
      [{ ...all[0]!, time: new Date('2026-11-21T20:00:00Z') }],
      false,
      /left no dump/,
    ],
  ])('%s', (_, boot, dumps, passed, text) => {
    const result = judgeTest(record, boot, dumps);
    expect(result.passed).toBe(passed);
    expect(result.text).toMatch(text);
  });
});
