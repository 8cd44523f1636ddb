/** Which file of a dump is used: the triage dump stands in for one that is missing, cut or unfinished, and that is said. */
import { truncateSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chooseDumpFiles, standInNote } from '../../../../scripts/lib/dumps/choose-file.ts';
import { findDump } from '../../../../scripts/lib/dumps/find-dump.ts';
import { infoText } from '../../../../scripts/lib/dumps/info-text.ts';
import { dumpLines } from '../../../../scripts/lib/dumps/list-text.ts';
import { hostWith } from '../../../support/host-root.ts';
import { manifestDump, manifestOf } from '../../../support/manifest.ts';

const TRIAGE = 'vmcore-triage';
const HELD = [
  { name: 'vmcore', bytes: 4 },
  { name: TRIAGE, bytes: 2 },
];
const whole = { dump: manifestDump({ bytes: 4 }) };
const cut = { dump: manifestDump({ bytes: 9 }) };
const INCOMPLETE = 'vmcore-incomplete';

test.each<
  [string, Parameters<typeof chooseDumpFiles>[0], typeof whole | undefined, readonly string[], string?]
>([
  ['whole', { dump: 'vmcore', triage: TRIAGE }, whole, ['vmcore', TRIAGE]],
  ['whole, without a manifest', { dump: 'vmcore', triage: TRIAGE }, undefined, ['vmcore', TRIAGE]],
  [
    'cut',
    { dump: 'vmcore', triage: TRIAGE },
    cut,
    [TRIAGE, 'vmcore'],
    'vmcore has 4 bytes, and had 9 when it was written',
  ],
  ['cut, and no triage dump', { dump: 'vmcore' }, cut, ['vmcore']],
  ['missing', { triage: TRIAGE }, whole, [TRIAGE], 'there is no vmcore'],
  [
    'unfinished',
    { incompleteDump: INCOMPLETE, triage: TRIAGE },
    undefined,
    [TRIAGE, INCOMPLETE],
    'vmcore-incomplete was not finished',
  ],
  ['unfinished, and no triage dump', { incompleteDump: INCOMPLETE }, undefined, [INCOMPLETE]],
  ['none at all', {}, undefined, []],
])('a dump that is %s', (_, laidOut, manifest, dumpFiles, standsInBecause) => {
  const chosen = chooseDumpFiles(laidOut, HELD, manifest);
  expect(chosen.dumpFiles).toEqual(dumpFiles);
  expect(chosen.standsInBecause).toBe(standsInBecause);
  if (standsInBecause === undefined) expect(standInNote(chosen)).toBeUndefined();
  else expect(standInNote(chosen)).toContain(`${standsInBecause}, so vmcore-triage is used`);
});

describe('a directory', () => {
  const DIRECTORY = '/var/crash/20261121T220234Z';
  const dump = manifestDump({ name: INCOMPLETE });
  const manifest = manifestOf('2026-11-21T22:02:34Z', {
    state: 'incomplete',
    failure: 'no room',
    dump,
    triage: manifestDump({ name: TRIAGE, bytes: 2 }),
  });
  const hostOf = () =>
    hostWith({
      [`${DIRECTORY}/${INCOMPLETE}`]: '1234',
      [`${DIRECTORY}/${TRIAGE}`]: '12',
      [`${DIRECTORY}/manifest.json`]: JSON.stringify(manifest),
    });
  const find = (name = '') => {
    const host = hostOf();
    return findDump(host, host.entry(`${DIRECTORY}${name}`));
  };

  test('of an incomplete dump is read by its triage dump', () => {
    const found = find();
    expect(found).toMatchObject({ state: 'incomplete', dumpFile: TRIAGE, dumpFiles: [TRIAGE, INCOMPLETE] });
    expect(infoText(found)).toMatch(
      /^note +vmcore-incomplete was not finished, so vmcore-triage is used, which has /m,
    );
  });

  test.each([TRIAGE, INCOMPLETE])('is read by the file that is asked for: %s', name => {
    const found = find(`/${name}`);
    expect(found).toMatchObject({ id: '20261121T220234Z', dumpFile: name });
    expect(found.standsInBecause).toBeUndefined();
  });

  test('has the size of its files, and what they take on disk where that is less', () => {
    const host = hostOf();
    truncateSync(host.path(`${DIRECTORY}/${TRIAGE}`), 68e6);
    const found = findDump(host, host.entry(DIRECTORY));
    expect(found.bytes).toBeGreaterThan(68e6);
    expect(found.diskBytes).toBeLessThan(1e6);
    expect(infoText(found)).toMatch(/^size +68\.0 MB \(\d+\.\d kB on disk\)$/m);
    expect(infoText(found)).toMatch(/^triage +vmcore-triage: 3 pages, 68\.0 MB \(\d\.\d kB on disk\)$/m);
    expect(dumpLines([found])[0]).toMatch(/ 68\.0 MB \(\d+\.\d kB on disk\) /);
  });

  test('with a triage dump alone is a dump that lacks the rest', () => {
    const alone = hostWith({ [`${DIRECTORY}/${TRIAGE}`]: '12' });
    expect(findDump(alone, alone.entry(DIRECTORY))).toMatchObject({
      state: 'incomplete',
      why: 'the machine stopped after vmcore-triage was written',
      dumpFile: TRIAGE,
    });
  });
});
