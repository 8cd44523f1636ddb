/** Which file of a dump the crashed kernel is read from, and what is said of that: by the verbs and by the report alike. */
import { describe, expect, test } from 'vitest';
import { findDump } from '../../../../scripts/lib/dumps/find-dump.ts';
import { openDumpedKernel, openKernelFile } from '../../../../scripts/lib/dumps/open-kernel.ts';
import { reportDump } from '../../../../scripts/lib/report/dump-report.ts';
import { crashedKernel } from '../../../support/crashed-kernel.ts';
import { type Files, hostWith } from '../../../support/host-root.ts';
import { manifestDump, manifestOf } from '../../../support/manifest.ts';

const DIRECTORY = '/var/crash/20261128T130217Z';
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const WITH = text(crashedKernel().build());
/** kallsyms is what this vmcoreinfo does not lead to. */
const WITHOUT = text(crashedKernel().build(['SYMBOL(kallsyms_names)']));
const NO_DUMP = 'this is no dump';

const STOPPED = manifestOf('2026-11-28T13:02:17Z', {
  state: 'incomplete',
  failure: 'no room',
  dump: manifestDump({ name: 'vmcore-incomplete' }),
  triage: manifestDump({ name: 'vmcore-triage' }),
});
const WHOLE = manifestOf('2026-11-28T13:02:17Z', { dump: manifestDump({ bytes: WITH.length }) });

function dumpOf(files: Files, manifest: object = STOPPED) {
  const host = hostWith({
    [`${DIRECTORY}/manifest.json`]: JSON.stringify(manifest),
    ...Object.fromEntries(Object.entries(files).map(([name, file]) => [`${DIRECTORY}/${name}`, file])),
  });
  return { host, dump: findDump(host, host.entry(DIRECTORY)) };
}

const UNFINISHED = 'vmcore-incomplete was not finished';
const TRIAGE_USED = `${UNFINISHED}, so vmcore-triage is used, which has the log, tasks, stacks and modules`;

describe('the file that has the symbols is read', () => {
  test.each<[string, Files, object, boolean, readonly string[]]>([
    ['whole', { vmcore: WITH, 'vmcore-triage': WITHOUT }, WHOLE, true, []],
    [
      'whole without symbols',
      { vmcore: WITHOUT, 'vmcore-triage': WITH },
      { ...WHOLE, dump: null },
      false,
      [],
    ],
    [
      'unfinished, with a triage dump that has them',
      { 'vmcore-incomplete': WITH, 'vmcore-triage': WITH },
      STOPPED,
      true,
      [TRIAGE_USED],
    ],
    [
      'unfinished, with a triage dump that has none',
      { 'vmcore-incomplete': WITH, 'vmcore-triage': WITHOUT },
      STOPPED,
      true,
      [`${UNFINISHED}; the part of it that is there is used`],
    ],
    [
      'unfinished, with a damaged triage dump',
      { 'vmcore-incomplete': WITH, 'vmcore-triage': NO_DUMP },
      STOPPED,
      true,
      [`${UNFINISHED}; the part of it that is there is used`],
    ],
    [
      'unfinished, and none in either',
      { 'vmcore-incomplete': WITHOUT, 'vmcore-triage': WITHOUT },
      STOPPED,
      false,
      [
        TRIAGE_USED,
        'vmcore-triage and vmcore-incomplete have no symbols of the kernel; kdumpling debug opens the dump with its debug symbols',
      ],
    ],
    [
      'cut, with a triage dump that has none',
      { vmcore: WITH, 'vmcore-triage': WITHOUT },
      { ...WHOLE, dump: manifestDump({ bytes: 1e9 }) },
      true,
      [
        `vmcore has ${WITH.length} bytes, and had 1000000000 when it was written; the part of it that is there is used`,
      ],
    ],
    [
      'missing',
      { 'vmcore-triage': WITH },
      STOPPED,
      true,
      ['there is no vmcore, so vmcore-triage is used, which has the log, tasks, stacks and modules'],
    ],
    ['unfinished without a triage dump', { 'vmcore-incomplete': WITH }, STOPPED, true, []],
  ])('of a dump that is %s', (_, files, manifest, hasSymbols, notes) => {
    const { host, dump } = dumpOf(files, manifest);
    const file = openDumpedKernel(host, dump, 'look into it');
    try {
      expect(file.kernel.symbols.address('init_task') !== undefined).toBe(hasSymbols);
      expect(file.notes).toEqual(notes);
    } finally {
      file.close();
    }
    expect(
      reportDump(host, dump).warnings.filter(warning => /used|symbols of the kernel/.test(warning)),
    ).toEqual(notes);
  });
});

test('a dump of which no file opens fails with what its first file says', () => {
  const { host, dump } = dumpOf({ 'vmcore-incomplete': NO_DUMP, 'vmcore-triage': NO_DUMP });
  expect(() => openKernelFile(host, dump, 'look into it')).toThrow(/^Cannot .*ELF/);
  expect(reportDump(host, dump).warnings).toContain(TRIAGE_USED);
});

test('a file of which the kernel cannot be read is open for the rest, and an autopsy of it fails', () => {
  // Without it there are no page tables.
  const { host, dump } = dumpOf({ vmcore: text(crashedKernel().build(['SYMBOL(swapper_pg_dir)'])) }, WHOLE);
  const file = openKernelFile(host, dump, 'look into it');
  expect(file.kernel).toBeInstanceOf(Error);
  expect(file.vmcore.vmcoreinfo.osrelease).toBeDefined();
  file.close();
  expect(() => openDumpedKernel(host, dump, 'look into it')).toThrow();
});
