/** The autopsy before the dump: when it is made, what ends it, and that it never costs the dump. test/unit/scene runs real programs. */
import { describe, expect, test } from 'vitest';
import { type FakeAutopsy, fakeAutopsist } from '../../support/fake-autopsist.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { refuses } from '../../support/fake-place.ts';
import { DEADLINE_SECONDS, type Found, run } from './fixture.ts';

const linesOf = ({ lines }: Found) => lines.filter(line => line.startsWith('autopsy:'));
const autopsyFiles = ({ files }: Found) => files.flat().filter(name => name.startsWith('autopsy'));

function runWith(autopsy: FakeAutopsy, scenario: Parameters<typeof run>[0] = {}) {
  const autopsist = fakeAutopsist(autopsy);
  return { found: run({ autopsist, ...scenario }), autopsist };
}

/** The dump is whole, and the manifest says that there is no autopsy. */
function expectOnlyDump(found: Found, autopsy: object): void {
  expect(found.outcome.saved).toBe(true);
  expect(autopsyFiles(found)).toEqual([]);
  expect(found.manifests[0]).toMatchObject({ state: 'complete', autopsy });
}

test('both files are saved before the dump, and the manifest has class and culprit', () => {
  const { found } = runWith({});
  expect(linesOf(found)).toEqual([
    'autopsy: autopsy.txt is safe: the crash is of class null-dereference, in lab_null',
  ]);
  expect(found.phases.indexOf('autopsy')).toBeLessThan(found.phases.indexOf('dump'));
  expect(found.manifests[0]!.files.map(({ name }) => name)).toEqual([
    'vmcore-dmesg.txt',
    'autopsy.txt',
    'autopsy.json',
    'vmcore',
  ]);
});

describe('skipped, and nothing is started', () => {
  test('with too little memory', () => {
    const { found, autopsist } = runWith({}, { availableKib: 21 * 1024 + 1000 });
    expectOnlyDump(found, { state: 'skipped', why: '21 MiB of memory are available, it needs 22' });
    expect(linesOf(found)).toEqual(['autopsy: skipped: 21 MiB of memory are available, it needs 22']);
    expect(autopsist.starts).toBe(0);
  });

  test('by the option', () => {
    const { found, autopsist } = runWith({}, { options: { autopsy: 'no' } });
    expectOnlyDump(found, { state: 'skipped', why: 'the option autopsy is no' });
    expect(autopsist.starts).toBe(0);
  });
});

describe('it costs no dump', () => {
  test('that the memory has no symbols', () => {
    const { found } = runWith({ result: { state: 'skipped', why: 'Cannot find symbols: none' } });
    expectOnlyDump(found, { state: 'skipped', why: 'Cannot find symbols: none' });
    expect(found.warnings).toEqual([]);
  });

  test('that the program fails', () => {
    const { found } = runWith({ result: { state: 'failed', why: 'TypeError: a bug' } });
    expectOnlyDump(found, { state: 'failed', why: 'TypeError: a bug' });
    expect(found.warnings).toEqual(['autopsy: TypeError: a bug']);
  });

  test('that it cannot be started', () => {
    const { found } = runWith({ start: refuses('EAGAIN') });
    expectOnlyDump(found, { state: 'failed', why: expect.stringContaining('EAGAIN') });
  });

  test('that it never reads anything', () => {
    const { found, autopsist } = runWith(
      { looks: Number.POSITIVE_INFINITY, progress: () => '' },
      { options: { deadlineSeconds: 3600 } },
    );
    expectOnlyDump(found, { state: 'failed', why: 'it was ended: it made no progress for 60 s' });
    expect(autopsist.kills).toBe(1);
  });

  test('that it loops without reads', () => {
    const { found, autopsist } = runWith(
      { looks: Number.POSITIVE_INFINITY, progress: look => String(Math.min(look, 100)) },
      { options: { deadlineSeconds: 3600 } },
    );
    expectOnlyDump(found, { state: 'failed', why: 'it was ended: it made no progress for 10 s' });
    expect(autopsist.kills).toBe(1);
  });

  test('that it reads for ever: three quarters of the time stay for the dump', () => {
    const clock = new FakeClock();
    const { found } = runWith({ looks: Number.POSITIVE_INFINITY }, { clock });
    expectOnlyDump(found, {
      state: 'failed',
      why: expect.stringMatching(/^it was ended: it was not done after 2[45] s$/),
    });
    expect(clock.seconds()).toBeLessThan(DEADLINE_SECONDS * 0.3);
  });

  test('that it takes more and more memory', () => {
    const { found, autopsist } = runWith({ ownBytes: 200 << 20 });
    expectOnlyDump(found, { state: 'failed', why: 'it was ended: it took 200 MiB of memory' });
    expect(autopsist.kills).toBe(1);
  });

  test('that it takes the memory that holds the code of the capture', () => {
    const ownBytes = 40 << 20;
    expectOnlyDump(runWith({ ownBytes }, { availableKib: 45 * 1024 }).found, {
      state: 'failed',
      why: 'it was ended: it took 40 MiB of memory',
    });
    const { found } = runWith({ ownBytes }, { availableKib: 47 * 1024 });
    expect(found.manifests[0]!.autopsy!.state).toBe('saved');
  });

  test('that it is held in the kernel: it is left behind', () => {
    const { found } = runWith({ looks: Number.POSITIVE_INFINITY, isStuck: true });
    expectOnlyDump(found, { state: 'failed', why: expect.stringContaining('it was not done after') });
  });

  test('that the disk does not take it', () => {
    const writeDurably = (name: string) => {
      if (name.startsWith('autopsy')) refuses('EIO')();
    };
    const found = run({ troubles: [{ writeDurably }] });
    expect(found.outcome.saved).toBe(true);
    expect(found.warnings).toEqual([expect.stringMatching(/^autopsy: .*EIO/)]);
  });
});

test('a machine that is slow gets the time that it needs', () => {
  const clock = new FakeClock();
  // It starts in 15 s, and is silent for 20 times that when it indexes the symbols.
  const progress = (look: number) => (look < 75 ? '' : String(look < 1500 ? 1 : look));
  const { found } = runWith({ looks: 1525, progress }, { clock, options: { deadlineSeconds: 3600 } });
  expect(found.manifests[0]!.autopsy!.state).toBe('saved');
  const silent = (look: number) => (look < 75 ? '' : '1');
  const other = runWith({ looks: 10_000, progress: silent }, { options: { deadlineSeconds: 3600 } });
  expect(other.found.manifests[0]!.autopsy!.why).toMatch(
    /^it was ended: it made no progress for (29\d|30\d) s$/,
  );
});

test('a fallback target gets it too, and it is made once', () => {
  const { found, autopsist } = runWith({}, { troubles: [{ create: refuses('EIO') }, {}] });
  expect(autopsist.starts).toBe(1);
  expect(autopsyFiles(found)).toHaveLength(4);
});

test('the program is removed from memory once it is not needed any more', () => {
  expect(runWith({}).autopsist.startsBeforeDiscard).toBe(1);
  expect(runWith({}, { options: { autopsy: 'no' } }).autopsist.startsBeforeDiscard).toBe(0);
});

test('a full disk keeps the stacks', () => {
  const { found } = runWith({}, { troubles: [{ write: refuses('ENOSPC') }] });
  expect(found.outcome.saved).toBe(false);
  expect(autopsyFiles(found)).toEqual(['autopsy.json', 'autopsy.txt']);
});
