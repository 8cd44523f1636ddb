/** The triage dump in a capture: made before the dump, of the pages that the autopsy program chose, and never at the dump's cost. */
import { expect, test } from 'vitest';
import { type FakeAutopsy, fakeAutopsist } from '../../support/fake-autopsist.ts';
import { IMAGE_PADDR } from '../../support/kernel-builder.ts';
import { type Found, run } from './fixture.ts';

const FIRST = IMAGE_PADDR / 4096;
/** The first two for debuggers. */
const PAGES = { pfns: [FIRST, FIRST + 1, FIRST + 2, 1 << 20], debuggerPages: 2 };

const runWith = (autopsy: FakeAutopsy, scenario: Parameters<typeof run>[0] = {}): Found =>
  run({ autopsist: fakeAutopsist(autopsy), ...scenario });
const linesOf = ({ lines }: Found) => lines.filter(line => line.startsWith('triage:'));

test('it is whole before the dump begins, and the manifest describes it', () => {
  const found = runWith({ pages: PAGES });
  const [line] = linesOf(found);
  expect(line).toMatch(/^triage: vmcore-triage is safe: \d+ pages, \d+ bytes$/);
  expect(found.phases.indexOf('triage')).toBeLessThan(found.phases.indexOf('dump'));
  const { triage, dump, state, files } = found.manifests[0]!;
  expect(state).toBe('complete');
  expect(triage).toMatchObject({ name: 'vmcore-triage', format: 'kdump-compressed' });
  expect(triage).toMatchObject({ codec: 'zstd', codecLevel: 5 });
  expect(triage!.pages.dumped + triage!.pages.zero).toBe(2);
  expect(triage!.pages.total).toBe(dump!.pages.total);
  expect(files.map(({ name }) => name)).toContain('vmcore-triage');
  expect(found.files[0]).toContain('vmcore-triage');
});

test('with the tables it has them too, and no page that the dump has not', () => {
  const { manifests } = runWith({ pages: PAGES }, { options: { triage: 'tables' } });
  const { dumped, zero } = manifests[0]!.triage!.pages;
  expect(dumped + zero).toBe(3);
});

test.each<[string, FakeAutopsy, Parameters<typeof run>[0], RegExp | undefined]>([
  ['the option', { pages: PAGES }, { options: { triage: 'no' } }, undefined],
  ['an autopsy that chose none', {}, {}, /skipped: its pages are not known without the autopsy/],
  ['no autopsy', { pages: PAGES }, { options: { autopsy: 'no' } }, /skipped: its pages are not known/],
  ['pages that are not there', { pages: { pfns: [1 << 21], debuggerPages: 1 } }, {}, /skipped: none of its/],
])('there is none because of %s, and the dump is whole', (_, autopsy, scenario, line) => {
  const found = runWith(autopsy, scenario);
  expect(found.outcome.saved).toBe(true);
  expect(found.manifests[0]).toMatchObject({ state: 'complete' });
  expect(found.manifests[0]!.triage).toBeUndefined();
  expect(found.files[0]).not.toContain('vmcore-triage');
  if (line) expect(linesOf(found)).toEqual([expect.stringMatching(line)]);
  else expect(linesOf(found)).toEqual([]);
});

test('a choice of pages that never ends costs the triage dump alone: the autopsy is saved', () => {
  const found = runWith({
    pages: undefined,
    isAtPages: true,
    looks: Number.POSITIVE_INFINITY,
    progress: () => '1',
  });
  expect(linesOf(found)[0]).toMatch(/^triage: skipped: the choice of pages was ended: it made no progress/);
  expect(found.files[0]).toContain('autopsy.txt');
  expect(found.manifests[0]).toMatchObject({ state: 'complete', autopsy: { state: 'saved' } });
});

test('an exception in the middle of it costs the triage dump alone', () => {
  const hooks = {
    onProgress(phase: string) {
      if (phase === 'triage') throw new Error('thrown in mid-triage');
    },
  };
  const found = runWith({ pages: PAGES }, { hooks });
  expect(found.warnings).toEqual(['triage: thrown in mid-triage']);
  expect(found.manifests[0]).toMatchObject({ state: 'complete' });
  expect(found.files[0]?.filter(name => name.startsWith('vmcore'))).toEqual(['vmcore', 'vmcore-dmesg.txt']);
});
