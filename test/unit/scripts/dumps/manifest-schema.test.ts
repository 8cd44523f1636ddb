import { describe, expect, test } from 'vitest';
import { MANIFEST_NAME } from '../../../../capture/storage/manifest.ts';
import {
  checkOutline,
  type ManifestCheck,
  ManifestDamage,
  readManifest,
} from '../../../../capture/storage/read-manifest.ts';
import { checkManifest } from '../../../../scripts/lib/dumps/manifest-schema.ts';
import { hostWith } from '../../../support/host-root.ts';
import { manifestDump, manifestOf } from '../../../support/manifest.ts';

const MANIFEST = manifestOf('2026-11-21T22:02:34Z');
const DUMP = manifestDump();

test('a manifest as a capture writes it', () => expect(checkManifest(MANIFEST)).toEqual(MANIFEST));

test('fields of a later version of the same format are kept', () => {
  expect(checkManifest({ ...MANIFEST, more: 1, dump: { ...DUMP, more: 2 } })).toMatchObject({
    more: 1,
    dump: { more: 2 },
  });
});

test.each<[unknown, string]>([
  [null, 'it is null; expected an object'],
  [5, 'it is 5; expected an object'],
  [[], 'format is missing'],
  [{ ...MANIFEST, format: '1' }, 'format is "1"; expected 1'],
  [{ ...MANIFEST, state: 'whole' }, 'state is "whole"; expected "complete" or "incomplete" or "skipped"'],
  [{ ...MANIFEST, warnings: 'abc' }, 'warnings is "abc"; expected an array'],
  [{ ...MANIFEST, warnings: [1] }, 'warnings.0 is 1; expected a text'],
  [{ ...MANIFEST, stamp: 5 }, 'stamp is 5; expected an object'],
  [{ ...MANIFEST, stamp: undefined }, 'stamp is missing'],
  [
    { ...MANIFEST, stamp: { ...MANIFEST.stamp, time: 'noon' } },
    'stamp.time is "noon"; expected a time in ISO 8601',
  ],
  [
    { ...MANIFEST, stamp: { ...MANIFEST.stamp, name: 'a/b' } },
    'stamp.name is "a/b"; expected a name without slashes',
  ],
  [{ ...MANIFEST, dump: null }, 'dump is null; expected an object'],
  [
    { ...MANIFEST, dump: { ...DUMP, name: '../../etc/shadow' } },
    'dump.name is "../../etc/shadow"; expected a name without slashes',
  ],
  [{ ...MANIFEST, dump: { ...DUMP, bytes: -1 } }, 'dump.bytes is -1; expected 0 or more'],
  [{ ...MANIFEST, dump: { ...DUMP, bytes: 1.5 } }, 'dump.bytes is 1.5; expected a whole number'],
  [{ ...MANIFEST, dump: { ...DUMP, pages: null } }, 'dump.pages is null; expected an object'],
  [{ ...MANIFEST, seconds: { boot: '7' } }, 'seconds.boot is "7"; expected a number'],
  [{ ...MANIFEST, crash: { reason: {} } }, 'crash.reason is an object; expected a text'],
  [
    { ...MANIFEST, warnings: `\x1b[2J${'x'.repeat(99)}` },
    `warnings is " [2J${'x'.repeat(55)}…; expected an array`,
  ],
])('damage %#: %j', (value, why) => {
  expect(checkManifest(value)).toEqual(new ManifestDamage(why));
});

describe('the file', () => {
  const checks: [string, ManifestCheck<never>][] = [
    ['on the host', checkManifest as ManifestCheck<never>],
    ['in a capture', checkOutline as ManifestCheck<never>],
  ];
  describe.each(checks)('%s', (_, check) => {
    const read = (text: string) =>
      readManifest(hostWith({ [`/d/${MANIFEST_NAME}`]: text }).path('/d'), check);

    test('is read', () => expect(read(JSON.stringify(MANIFEST))).toEqual(MANIFEST));
    test('is not there', () => expect(readManifest('/nowhere', check)).toBeUndefined());
    test.each([
      ['', 'it is not JSON'],
      ['{ no json', 'it is not JSON'],
      ['{"format": 2}', 'its format is 2, of a newer kdumpling; expected 1'],
      ['-> /etc/passwd', 'it is not a regular file'],
      [`"${'x'.repeat(1 << 20)}"`, 'it is larger than 1048576 bytes'],
      [`${'['.repeat(400_000)}${']'.repeat(400_000)}`, 'it is nested more than 32 levels deep'],
    ])('is damaged: %.20s', (text, why) => expect(read(text)).toEqual(new ManifestDamage(why)));
    test.each([
      ['null'],
      ['5'],
      ['{"format":1,"state":"complete","stamp":5}'],
      ['{"format":1,"state":"complete","stamp":{"name":5}}'],
      [JSON.stringify({ ...MANIFEST, dump: null })],
      [JSON.stringify({ ...MANIFEST, dump: { name: 5 } })],
      [JSON.stringify({ ...MANIFEST, state: 5 })],
    ])('is damaged: %s', text => expect(read(text)).toBeInstanceOf(ManifestDamage));
  });
});
