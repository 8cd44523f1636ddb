/** Dumps that are odd, or another user's: they are neither believed nor followed, and they hide no other. */
import { chmodSync, chownSync, lchownSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readHistory, secondsOfStamp } from '../../../../capture/storage/policy/crash-loop.ts';
import { storedDumps } from '../../../../capture/storage/policy/dump-store.ts';
import { reportNews } from '../../../../scripts/lib/announce/news.ts';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { findDump } from '../../../../scripts/lib/dumps/find-dump.ts';
import { infoText } from '../../../../scripts/lib/dumps/info-text.ts';
import { kernelLog } from '../../../../scripts/lib/dumps/kernel-log.ts';
import { dumpLines, ignoredLines } from '../../../../scripts/lib/dumps/list-text.ts';
import type { Host } from '../../../../scripts/lib/host/host.ts';
import { fileOf } from '../../../../scripts/lib/upload/payload.ts';
import { placeToVerify } from '../../../../scripts/lib/verify/dump-place.ts';
import { hostWith } from '../../../support/host-root.ts';
import { manifestOf } from '../../../support/manifest.ts';

const NOBODY = 65534;
const D = '/var/crash/20261121T220234Z';
const GOOD = '/var/crash/20261121T220235Z';
const manifest = (time: string, more: object = {}) => JSON.stringify({ ...manifestOf(time), ...more });
const GOOD_FILES = {
  [`${GOOD}/vmcore`]: '1234',
  [`${GOOD}/vmcore-dmesg.txt`]: 'log\n',
  [`${GOOD}/manifest.json`]: manifest('2026-11-21T22:02:35Z'),
};
const secret = { '/etc/shadow': 'root:$6$secret' };

let said: string[];
beforeEach(() => {
  said = [];
  for (const name of ['log', 'error'] as const)
    vi.spyOn(console, name).mockImplementation(text => void said.push(text));
});
afterEach(() => vi.restoreAllMocks());

describe.skipIf(process.getuid?.() !== 0)('in a directory where every user may write', () => {
  function crowded(): Host {
    const theirs = Object.fromEntries(
      [1, 2, 3].flatMap(n => [
        [`/var/crash/2027010${n}T000000Z/vmcore`, '1234'],
        [`/var/crash/2027010${n}T000000Z/manifest.json`, manifest(`2027-01-0${n}T00:00:00Z`)],
      ]),
    );
    const host = hostWith({ ...GOOD_FILES, ...theirs, '/var/crash/private/photo': 'x' });
    chmodSync(host.path('/var/crash'), 0o1777);
    for (const path of [...Object.keys(theirs), '/var/crash/private', '/var/crash/private/photo'])
      chownSync(host.path(path), NOBODY, NOBODY);
    for (const n of [1, 2, 3]) chownSync(host.path(`/var/crash/2027010${n}T000000Z`), NOBODY, NOBODY);
    return host;
  }

  test('their dumps are ignored, with the reason; what is no dump is not mentioned', () => {
    const { dumps, ignored } = findDumps(crowded(), '/var/crash');
    expect(dumps.map(({ id }) => id)).toEqual(['20261121T220235Z']);
    expect(ignoredLines(ignored)[0]).toBe(
      'ignored: /var/crash/20270101T000000Z: it belongs to user 65534; expected root',
    );
    expect(ignored).toHaveLength(3);
  });

  test('retention and the crash-loop guard of a capture do not count them', () => {
    const path = crowded().path('/var/crash');
    expect(storedDumps(path).map(({ name }) => name)).toEqual(['20261121T220235Z']);
    expect(readHistory(path, '').captures).toEqual([secondsOfStamp('20261121T220235Z')]);
  });

  test('a file of theirs in a dump of root’s does not count either', () => {
    const host = hostWith({ ...GOOD_FILES, [`${D}/vmcore`]: '1234', [`${D}/vmcore-dmesg.txt`]: 'lies' });
    chownSync(host.path(`${D}/vmcore-dmesg.txt`), NOBODY, NOBODY);
    const dump = findDumps(host, '/var/crash').dumps.find(({ directory }) => directory === D)!;
    expect(dump.files.map(({ name }) => name)).toEqual(['vmcore']);
    expect(dump.logFile).toBeUndefined();
  });

  test('a path that the user names is read whoever owns it', () => {
    const host = crowded();
    const dump = findDump(host, host.path('/var/crash/20270101T000000Z'));
    expect(dump).toMatchObject({ id: '20270101T000000Z', dumpFile: 'vmcore' });
  });
});

describe('links in a dump directory lead nowhere', () => {
  function linked(name: string, to = '/etc/shadow'): Host {
    const host = hostWith({
      ...secret,
      ...GOOD_FILES,
      [`${D}/manifest.json`]: manifest('2026-11-21T22:02:34Z'),
    });
    symlinkSync(to, host.path(`${D}/${name}`));
    return host;
  }
  const dumpIn = (host: Host) => findDump(host, host.path(D));

  test('dmesg', () => {
    const host = linked('vmcore-dmesg.txt');
    expect(() => [...kernelLog(host, dumpIn(host), { warn: () => {} })]).toThrow(
      'neither a log file nor a dump',
    );
    const file = linked('vmcore');
    expect(() => findDump(file, file.entry(`${D}/vmcore`))).toThrow('it is a symbolic link to ');
  });

  test.each([['vmcore'], ['vmcore-dmesg.txt'], ['analysis']])('upload --file %s', name => {
    expect(() => fileOf(dumpIn(linked(name)), name)).toThrow(`has no ${name}`);
    expect(() => fileOf(dumpIn(linked(name)), `../../../etc/shadow`)).toThrow('has no shadow');
  });

  test('verify', () => {
    const host = linked('vmcore');
    expect(() => placeToVerify(host, host.path(D), true)).toThrow('it is not a regular file of root’s');
  });

  test('a dangling one is as harmless as any', () => {
    const host = linked('vmlinux', '../gone');
    expect(findDumps(host, '/var/crash')).toMatchObject({ ignored: [], dumps: [{}, {}] });
  });
});

const ODD: [string, Record<string, string>, RegExp][] = [
  ['warnings is no list', { warnings: 'abc' } as never, /warnings is "abc"; expected an array/],
  ['stamp is a number', { stamp: 5 } as never, /stamp is 5; expected an object/],
  ['dump is null', { dump: null } as never, /dump is null; expected an object/],
];

describe('one odd dump hides no other, and is reported once', () => {
  async function boots(host: Host): Promise<string[]> {
    const outputs: string[] = [];
    for (let boot = 0; boot < 2; boot++) {
      said = [];
      const exitCode = await reportNews(
        host,
        findDumps(host, '/var/crash'),
        undefined,
        new AbortController().signal,
      );
      outputs.push(`${exitCode} ${said.join('\n')}`);
    }
    return outputs;
  }

  test.each(ODD)('a manifest whose %s', async (_, more, why) => {
    const host = hostWith({
      ...GOOD_FILES,
      [`${D}/vmcore`]: '1234',
      [`${D}/manifest.json`]: manifest('2026-11-21T22:02:34Z', more),
    });
    const { dumps } = findDumps(host, '/var/crash');
    const odd = dumps.find(({ directory }) => directory === D)!;
    expect(infoText(odd)).toMatch(/state +damaged: manifest.json is damaged: /);
    expect(infoText(odd)).toMatch(why);
    expect(dumpLines(dumps)).toHaveLength(2);
    expect(() => placeToVerify(host, host.path(D), true)).toThrow(why);
    expect(placeToVerify(host, host.path(D), false).path).toBe(host.path(`${D}/vmcore`));
    const [first, second] = await boots(host);
    expect(first).toContain('crash 20261121T220235Z: kernel said');
    expect(first).toContain('damaged');
    expect(second).toBe('0 ');
  });

  test('a dangling link vmlinux', async () => {
    const host = hostWith(GOOD_FILES);
    symlinkSync('../gone', host.path(`${GOOD}/vmlinux`));
    const [first] = await boots(host);
    expect(first).toContain('crash 20261121T220235Z: kernel said');
  });

  test.skipIf(process.getuid?.() !== 0)('another user’s is mentioned once', async () => {
    const host = hostWith({ ...GOOD_FILES, [`${D}/vmcore`]: '1234' });
    lchownSync(host.path(D), NOBODY, NOBODY);
    const [first, second] = await boots(host);
    expect(first).toContain('crash 20261121T220234Z: ignored: it belongs to user 65534; expected root');
    expect(second).toBe('0 ');
  });
});

test('text that steers a terminal', () => {
  const host = hostWith({
    '/var/crash/\x1b[2Jevil\r\n2026/vmcore': 'x',
    [`${D}/vmcore`]: '1234',
    [`${D}/manifest.json`]: manifest('2026-11-21T22:02:34Z', {
      crash: { reason: 'a\x1b]0;b\x07\r\nc\x9b2J\u202e' },
      warnings: ['\x1b[31m'],
    }),
  });
  const { dumps } = findDumps(host, '/var/crash');
  const shown = [...dumpLines(dumps), ...dumps.map(infoText)].join('\n');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(shown).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  expect(dumps).toHaveLength(2);
});
