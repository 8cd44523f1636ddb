/** A crash kernel with another CPU: the dump is made while the autopsy program reads, and neither costs the other anything. */
import { describe, expect, test } from 'vitest';
import { type AutopsySetting, AutopsyWatch } from '../../../capture/flow/autopsy-watch.ts';
import { type FakeAutopsy, fakeAutopsist } from '../../support/fake-autopsist.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { refuses } from '../../support/fake-place.ts';
import { IMAGE_PADDR } from '../../support/kernel-builder.ts';
import { type Found, run, vmcoreFile } from './fixture.ts';

const FIRST = IMAGE_PADDR / 4096;
const PAGES = { pfns: [FIRST, FIRST + 1], debuggerPages: 2 };
const MEANWHILE = 'autopsy: another CPU reads the memory while the dump is made';
/** So large that progress is made a dozen times. */
const MIB = 12;

type Scenario = Parameters<typeof run>[0];

/** On two CPUs. Each MB of the dump takes a quarter of a second. */
function runWith(autopsy: FakeAutopsy = {}, scenario: Scenario = {}, cpus = 2) {
  const autopsist = fakeAutopsist({ pages: PAGES, ...autopsy });
  const clock = new FakeClock();
  const found = run({
    autopsist,
    clock,
    vmcore: vmcoreFile(MIB),
    compressors: { cpus, program: '' },
    hooks: { onProgress: phase => phase === 'dump' && clock.advance(0.25) },
    ...scenario,
    // Whatever the pages are, a thread would take longer to start than it saves.
    options: { codec: 'lzo', ...scenario?.options },
  });
  return { found, autopsist, clock };
}

const at = ({ lines }: Found, pattern: RegExp) => lines.findIndex(line => pattern.test(line));
const SAFE = /^autopsy: autopsy\.txt is safe/;
const TRIAGE = /^triage: vmcore-triage is safe/;
const VERIFIED = /^dump: .*; verified$/;

/** The lines in this order, all of them there. */
function expectOrder(found: Found, ...patterns: readonly RegExp[]): void {
  const places = patterns.map(pattern => at(found, pattern));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
}

function expectOnlyDump(found: Found, why: unknown): void {
  expect(found.outcome.saved).toBe(true);
  expect(found.manifests[0]).toMatchObject({ state: 'complete', autopsy: { state: 'failed', why } });
}

describe('beside the dump', () => {
  test('everything is saved that one CPU saves, the dump byte for byte', () => {
    const { found } = runWith();
    const { found: alone } = runWith({}, {}, 1);
    expect(found.lines).toContain(MEANWHILE);
    expect(alone.lines).not.toContain(MEANWHILE);
    const [[manifest], [other]] = [found.manifests, alone.manifests];
    expect(manifest!.dump).toEqual(other!.dump);
    // Its pages are those of the dump, compressed as they are there.
    expect(manifest!.triage).toMatchObject({ codec: 'lzo', pages: other!.triage!.pages });
    expect(manifest!.autopsy).toEqual(other!.autopsy);
    expect(found.files).toEqual(alone.files);
    expect(manifest!.files.map(({ name }) => name).sort()).toEqual(
      other!.files.map(({ name }) => name).sort(),
    );
    expect(found.warnings).toEqual([]);
  });

  test('the log is safe first; the autopsy is written in mid-dump; the triage dump follows', () => {
    const { found, autopsist } = runWith();
    expectOrder(found, /^dmesg: vmcore-dmesg\.txt is safe/, SAFE, VERIFIED, TRIAGE);
    expect(at(found, SAFE)).toBeGreaterThan(found.lines.indexOf(MEANWHILE));
    expect(autopsist.starts).toBe(1);
  });

  test('its program starts before the target is mounted', () => {
    const { phases } = runWith().found;
    expect(phases.indexOf('autopsy')).toBeLessThan(phases.indexOf('target'));
  });

  test('it reads nothing before the log is safe, however long that takes, which is not held against it', () => {
    const clock = new FakeClock();
    let begins = 0;
    const nothingRead = () => {
      clock.advance(300);
      expect(begins).toBe(0);
    };
    const writeDurably = (name: string) => {
      if (name === 'vmcore-dmesg.txt') nothingRead();
    };
    const { found } = runWith(
      { onBegin: () => begins++, progress: look => (look < 2 ? '' : String(look)) },
      { clock, troubles: [{ open: nothingRead, writeDurably }], options: { deadlineSeconds: 3600 } },
    );
    expect(begins).toBeGreaterThan(0);
    expect(found.manifests[0]!.autopsy!.state).toBe('saved');
  });

  test('of a target that cannot be used, it is ended', () => {
    const { found, autopsist } = runWith(
      { looks: Number.POSITIVE_INFINITY },
      { troubles: [{ open: refuses('EIO') }] },
    );
    expect(found.outcome.saved).toBe(false);
    expect(autopsist.kills).toBe(1);
  });

  test('a dump that is not whole gives no page to the triage dump, which is made of the memory', () => {
    const { found } = runWith({ looks: 100 }, { troubles: [{ write: refuses('EIO', 1) }] });
    expect(found.manifests[0]!.dump).toBeUndefined();
    expect(found.manifests[0]!.triage).toMatchObject({ codec: 'zstd', codecLevel: 5 });
  });

  test('one that takes longer is waited for', () => {
    const { found } = runWith({ looks: 100 });
    expectOrder(found, VERIFIED, SAFE, TRIAGE);
  });

  test('one that hangs is ended with the patience that it has anyway; the dump was made long before', () => {
    const { found, autopsist, clock } = runWith(
      { looks: Number.POSITIVE_INFINITY, progress: look => String(Math.min(look, 5)) },
      { options: { deadlineSeconds: 3600 } },
    );
    expectOnlyDump(found, 'it was ended: it made no progress for 10 s');
    expectOrder(found, VERIFIED, /^autopsy: warning: it was ended/);
    expect(autopsist.kills).toBe(1);
    expect(clock.seconds()).toBeLessThan(25);
  });

  test.each<[string, FakeAutopsy, unknown]>([
    ['fails', { result: { state: 'failed', why: 'TypeError: a bug' } }, 'TypeError: a bug'],
    ['takes more and more memory', { ownBytes: 200 << 20 }, 'it was ended: it took 200 MiB of memory'],
    [
      'is held in the kernel',
      { looks: Number.POSITIVE_INFINITY, progress: () => '1', isStuck: true },
      'it was ended: it made no progress for 10 s',
    ],
    ['cannot be started', { start: refuses('EAGAIN') }, expect.stringContaining('EAGAIN')],
  ])('one that %s costs no dump', (_, autopsy, why) => expectOnlyDump(runWith(autopsy).found, why));

  test('memory for the dump is not for the program', () => {
    const ownBytes = 36 << 20;
    const availableKib = 53 * 1024;
    expectOnlyDump(runWith({ ownBytes }, { availableKib }).found, 'it was ended: it took 36 MiB of memory');
    expect(runWith({ ownBytes }, { availableKib }, 1).found.manifests[0]!.autopsy!.state).toBe('saved');
  });

  test('a dump that fails leaves the autopsy, and the next target gets both', () => {
    const { found, autopsist } = runWith({ looks: 100 }, { troubles: [{ write: refuses('EIO', 1) }, {}] });
    expect(autopsist.starts).toBe(1);
    for (const files of found.files) expect(files).toContain('autopsy.txt');
    expect(found.manifests[1]!.state).toBe('complete');
    expect(found.manifests[1]!.files.map(({ name }) => name).slice(0, 2)).toEqual([
      'vmcore-dmesg.txt',
      'autopsy.txt',
    ]);
  });

  test('a disk that turns out to be full gets the autopsy before a smaller dump, which takes its order from it', () => {
    const { found } = runWith({ looks: 100 }, { troubles: [{ write: refuses('ENOSPC', 1) }] });
    expect(found.lines).toContain(MEANWHILE);
    expectOrder(found, /had no room after/, SAFE, /^triage: skipped: it needs/);
    const steps = found.lines.filter(line => /^space: (taking|no room)/.test(line));
    expect(steps.length).toBeGreaterThan(1);
    expect(found.lines.indexOf(steps.at(-1)!)).toBeGreaterThan(at(found, SAFE));
  });

  test('the deadline in mid-dump ends the program', () => {
    const clock = new FakeClock();
    const { found, autopsist } = runWith(
      { looks: Number.POSITIVE_INFINITY },
      { clock, hooks: { onProgress: phase => phase === 'dump' && clock.advance(60) } },
    );
    expect(found.outcome.saved).toBe(false);
    expect(autopsist.kills).toBe(1);
    expect(found.manifests[0]!.autopsy!.state).toBe('failed');
  });
});

test('threads do not compress beside the program: they would take its memory', () => {
  const { found } = runWith(
    { looks: 100 },
    { options: { codec: 'zlib' }, vmcore: vmcoreFile(32), availableKib: 200_000 },
  );
  expect(found.lines).toContain(MEANWHILE);
  expect(found.lines.filter(line => /thread/.test(line))).toEqual([]);
  expect(found.manifests[0]!.cpus).toEqual({ online: 2, threads: 1 });
});

describe('before the dump', () => {
  test('where threads compress on the other CPUs', () => {
    const { found } = runWith(
      {},
      { options: { codec: 'zlib' }, vmcore: vmcoreFile(64), availableKib: 200_000 },
    );
    expect(found.lines).not.toContain(MEANWHILE);
    expectOrder(found, SAFE, TRIAGE, VERIFIED);
  });

  test('where the room may not be enough for everything', () => {
    const { found } = runWith({}, { options: { keepFree: '99%' } });
    expect(found.lines).not.toContain(MEANWHILE);
    expectOrder(found, SAFE, /^space: no room/);
  });

  test('where there is too little memory for both, the dump waits', () => {
    const [both, one] = [36, 35].map(
      mib => runWith({ ownBytes: 16 << 20 }, { availableKib: mib * 1024 }).found,
    );
    expect(both!.lines).toContain(MEANWHILE);
    expect(one!.lines).not.toContain(MEANWHILE);
    expect(one!.manifests[0]!.autopsy!.state).toBe('saved');
  });

  test('where there is too little memory, nothing is started', () => {
    const { found, autopsist } = runWith({}, { availableKib: 21 * 1024 });
    expect(autopsist.starts).toBe(0);
    expect(found.manifests[0]!.autopsy).toMatchObject({ state: 'skipped' });
  });
});

describe('what is not seen is not held against the program', () => {
  const SETTING: AutopsySetting = {
    deadlineSeconds: 3600,
    bootSeconds: 5,
    roomBytes: Number.POSITIVE_INFINITY,
    isBeside: true,
  };
  const view = (nowSeconds: number, progress: string) => ({ nowSeconds, progress, ownBytes: 0, refaults: 0 });

  test('a disk that holds the dump for minutes', () => {
    const watch = new AutopsyWatch(view(0, ''), SETTING);
    expect(watch.look(view(0.5, '1'))).toBeUndefined();
    expect(watch.look(view(300, '1'))).toBeUndefined();
    for (let now = 301; now < 309; now++) expect(watch.look(view(now, '1'))).toBeUndefined();
    expect(watch.look(view(310, '1'))).toMatch(/no progress/);
  });
});
