import { describe, expect, test } from 'vitest';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { dumpOf, findDump, onlyArgument } from '../../../../scripts/lib/dumps/find-dump.ts';
import { infoData, listData } from '../../../../scripts/lib/dumps/list-text.ts';
import { hostWith } from '../../../support/host-root.ts';
import { manifestOf } from '../../../support/manifest.ts';

const FILES = {
  '/var/crash/20261121T220234Z/vmcore': '1234',
  '/var/crash/20261121T220234Z/manifest.json': JSON.stringify(manifestOf('2026-11-21T22:02:34Z')),
  '/var/crash/20261121T220235Z/vmcore': '1234',
  '/var/crash/20261121T220235Z/manifest.json': JSON.stringify(manifestOf('2026-11-21T22:02:35Z')),
};
/** As a container or a live system has it: no dump could be captured there. */
const OVERLAY = { '/proc/self/mountinfo': '22 1 0:20 / / rw - overlay overlay rw,lowerdir=/l\n' };

describe.skipIf(process.getuid?.() !== 0)('on a machine whose /var/crash is on an overlay', () => {
  const host = () => hostWith({ ...FILES, ...OVERLAY });

  test('the last dump is found', () => expect(findDump(host(), undefined).id).toBe('20261121T220235Z'));
  test('one by its ID', () => expect(findDump(host(), '20261121T220234').id).toBe('20261121T220234Z'));
  test('none', () =>
    expect(() => findDump(hostWith(OVERLAY), undefined)).toThrow(
      'Cannot find the last dump: there are no dumps in /var/crash',
    ));
});

describe('by a path', () => {
  /** @param isOnMachine as the machine itself names it */
  function find(path: string, isOnMachine = false) {
    const host = hostWith({
      '/mnt/dump/vmcore': 'KDUMP   ',
      '/mnt/notes/readme': 'x',
      '/mnt/latest': '-> dump',
      '/mnt/link': '-> notes/readme',
      ...FILES,
    });
    return findDump(host, isOnMachine ? path : host.entry(path));
  }

  test.each([
    ['/var/crash/20261121T220234Z', '20261121T220234Z', 'kdumpling'],
    ['/var/crash/20261121T220234Z/', '20261121T220234Z', 'kdumpling'],
    ['/var/crash/20261121T220234Z/vmcore', '20261121T220234Z', 'kdumpling'],
    ['/mnt/dump', 'dump', 'another program'],
    ['/mnt/latest', 'dump', 'another program'],
    ['/mnt/dump/vmcore', 'vmcore', 'another program'],
  ])('%s', (path, id, madeBy) => expect(find(path)).toMatchObject({ id, madeBy, dumpFile: 'vmcore' }));

  test.each([
    ['/mnt/gone', 'it does not exist'],
    ['/mnt/notes', 'it holds no dump'],
    ['/mnt/link', 'it is a symbolic link to '],
  ])('%s', (path, why) => expect(() => find(path)).toThrow(why));

  test('one of the machine below the root', () => expect(find('/mnt/latest', true).id).toBe('dump'));

  test('a file that is no dump', () => expect(find('/mnt/notes/readme').state).toBe('damaged'));
});

test('a mistyped ID shows the closest and how many there are, not all of them', () => {
  const many = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `/var/crash/20261121T2202${String(i).padStart(2, '0')}Z/vmcore`,
      'x',
    ]),
  );
  const { dumps } = findDumps(hostWith(many), '/var/crash');
  expect(() => dumpOf(dumps, '20261121T220217')).not.toThrow();
  expect(() => dumpOf(dumps, '20261121T22021x')).toThrow(
    /^Cannot find dump "20261121T22021x": none of 40 dumps has that ID. Did you mean 20261121T22021\dZ\?$/,
  );
  expect(() => dumpOf(dumps, '2026')).toThrow(
    '40 dumps begin so: 20261121T220200Z, 20261121T220201Z, 20261121T220202Z, 20261121T220203Z, 20261121T220204Z and 35 more. Give more of the ID',
  );
});

test('two arguments are wrong usage', () =>
  expect(() => onlyArgument('kdumpling info', ['a', 'b'])).toThrow(
    'Cannot run kdumpling info: it has 2 arguments; expected one dump: its ID, directory or file',
  ));

test('the JSON documents have a format, and are whole without a dump', () => {
  expect(listData({ dumps: [], ignored: [] })).toEqual({ format: 1, dumps: [], ignored: [] });
  expect(infoData(undefined)).toEqual({ format: 1, dump: null });
  const found = findDumps(hostWith(FILES), '/var/crash');
  expect(JSON.parse(JSON.stringify(listData(found)))).toMatchObject({
    format: 1,
    dumps: [{ id: '20261121T220234Z', madeBy: 'kdumpling', timeBy: 'clock' }, { id: '20261121T220235Z' }],
  });
  expect(JSON.parse(JSON.stringify(infoData(found.dumps[0])))).toMatchObject({
    format: 1,
    dump: { id: '20261121T220234Z', dumpFile: 'vmcore', manifest: { program: 'kdumpling 0.1.0' } },
  });
});
