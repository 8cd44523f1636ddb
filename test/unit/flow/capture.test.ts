/** A whole capture, with each phase failing and each place refusing. The same faults happen for real in the lab (qemu/faults). */
import { describe, expect, test } from 'vitest';
import { BEGIN_MARK } from '../../../capture/storage/place/console-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { errno, refuses, type Trouble } from '../../support/fake-place.ts';
import { DEADLINE_SECONDS, PANIC, run, STAMP, vmcoreFile } from './fixture.ts';

const AUTOPSY = ['autopsy.json', 'autopsy.txt'];
const WITHOUT_DUMP = [...AUTOPSY, 'kexec-dmesg.log', 'manifest.json', 'vmcore-dmesg.txt'];
const ALL = [...AUTOPSY, 'kexec-dmesg.log', 'manifest.json', 'vmcore', 'vmcore-dmesg.txt'];
const INCOMPLETE = [...WITHOUT_DUMP, 'vmcore-incomplete'];
const MIB = 2 ** 20;

test('a capture that nothing disturbs', () => {
  const { outcome, files, manifests, warnings, phases, lines } = run();
  expect(outcome).toMatchObject({ saved: true, directory: `/var/crash/${STAMP}` });
  expect(files).toEqual([ALL]);
  expect(manifests[0]).toMatchObject({
    memory: { totalBytes: 150_000 * 1024, lowestAvailableBytes: 70_000 * 1024 },
    state: 'complete',
    stamp: { name: STAMP },
    kernel: { release: '6.1.0-test' },
    crash: { reason: PANIC, uptimeSeconds: 12 },
    autopsy: { state: 'saved', class: 'null-dereference', culprit: 'lab_null' },
  });
  expect(warnings).toEqual([]);
  const inOrder = [
    'open',
    'target',
    'dmesg',
    'autopsy',
    'plan',
    'space',
    'dump',
    'verify',
    'commit',
    'retention',
    'unmount',
  ];
  expect(phases).toEqual(inOrder);
  expect(lines).toContain(`dmesg: the kernel crashed with: ${PANIC}`);
});

describe('long work on a slow machine says how far it is', () => {
  /** So much later at each look. */
  const slow = (secondsPerLook: number) => {
    const clock = new FakeClock();
    const seconds = () => {
      clock.advance(secondsPerLook);
      return clock.seconds();
    };
    return {
      clock: { seconds, sleep: clock.sleep, wallSeconds: clock.wallSeconds },
      options: { deadlineSeconds: 600_000 },
    };
  };
  const linesOf = (phase: string, { lines }: { readonly lines: readonly string[] }) =>
    lines.filter(line => line.startsWith(`${phase}: `));

  test('reading the dump back', () => {
    expect(linesOf('verify', run(slow(20)))[0]).toMatch(/^verify: \d+ % of \d+ MB, \d+ MB\/s, ETA \d+ s$/);
    expect(linesOf('verify', run(slow(0.001)))).toEqual([]);
  });
});

describe('an exception at the beginning of a phase', () => {
  const thrownIn = (phase: string) => ({
    onPhase(name: string) {
      if (name === phase) throw new Error(`thrown in ${phase}`);
    },
  });

  test.each([
    ['open', ['kexec-dmesg.log', 'manifest.json']],
    ['target', []],
    ['plan', WITHOUT_DUMP],
    ['space', WITHOUT_DUMP],
    ['dump', INCOMPLETE],
    ['verify', INCOMPLETE],
    ['commit', INCOMPLETE],
  ])('%s costs the dump, and nothing that was saved before', (phase, files) => {
    const found = run({ hooks: thrownIn(phase) });
    expect(found.outcome).toMatchObject({
      saved: false,
      reason: expect.stringContaining(`thrown in ${phase}`),
    });
    expect(found.files).toEqual([files]);
    expect(found.warnings.some(text => text.includes(`thrown in ${phase}`))).toBe(true);
    if (files.length > 0) expect(found.manifests[0]).toMatchObject({ state: 'incomplete' });
  });

  test.each([
    ['dmesg', ALL.filter(name => name !== 'vmcore-dmesg.txt')],
    ['autopsy', ALL.filter(name => !AUTOPSY.includes(name))],
    ['retention', ALL],
    ['unmount', ALL],
  ])('%s costs no dump', (phase, files) => {
    const found = run({ hooks: thrownIn(phase) });
    expect(found.outcome.saved).toBe(true);
    expect(found.files).toEqual([files]);
    expect(found.warnings).toEqual([`${phase}: thrown in ${phase}`]);
  });

  test('in the middle of the dump', () => {
    const hooks = {
      onProgress(phase: string) {
        throw new Error(`thrown in mid-${phase}`);
      },
    };
    const found = run({ hooks });
    expect(found.outcome).toMatchObject({ saved: false, places: [`/var/crash/${STAMP}`] });
    expect(found.files).toEqual([INCOMPLETE]);
  });
});

describe('the deadline passes at the beginning of a phase', () => {
  const passesIn = (phase: string) => {
    const clock = new FakeClock();
    return run({
      clock,
      hooks: {
        onPhase(name) {
          if (name === phase) clock.advance(DEADLINE_SECONDS);
        },
      },
    });
  };

  test.each([
    ['open', 'open', []],
    ['target', 'target', []],
    ['dmesg', 'plan', ['kexec-dmesg.log', 'manifest.json']],
    ['autopsy', 'plan', WITHOUT_DUMP.filter(name => !AUTOPSY.includes(name))],
    ['plan', 'plan', WITHOUT_DUMP],
    ['space', 'space', WITHOUT_DUMP],
    ['dump', 'dump', INCOMPLETE],
    ['verify', 'verify', INCOMPLETE],
  ])('%s: the phase %s is not begun', (phase, stopped, files) => {
    const { outcome, ...found } = passesIn(phase);
    expect(outcome).toMatchObject({
      saved: false,
      reason: expect.stringMatching(
        `Cannot go on with the phase ${stopped}: the capture's 100 s are over.*set a larger deadlineSeconds`,
      ),
    });
    expect(found.files).toEqual([files]);
  });

  test.each(['commit', 'retention', 'unmount'])('%s: a dump that is verified is kept', phase => {
    expect(passesIn(phase)).toMatchObject({ outcome: { saved: true }, files: [ALL] });
  });
});

describe('a target that refuses', () => {
  test.each<[string, Trouble, readonly string[], RegExp]>([
    ['to be opened', { open: refuses('DEVICE_MISSING') }, [], /^target: .*compare the devices listed/],
    ['a dump directory', { createPlace: refuses('EROFS') }, [], /^target: .*repair the file system/],
    ['the dump', { create: refuses('EACCES') }, WITHOUT_DUMP, /^dump: .*report this/],
    ['the first byte of the dump', { write: refuses('EIO') }, INCOMPLETE, /^dump: .*dump to another disk/],
    ['the new name', { rename: refuses('EIO') }, INCOMPLETE, /^dump: .*dump to another disk/],
    [
      'to be read back',
      {
        readBack() {
          throw errno('EIO');
        },
      },
      INCOMPLETE,
      /^dump: .*dump to another disk/,
    ],
    ['a new length at the end', { write: refuses('EIO'), setLength: refuses('EIO') }, INCOMPLETE, /^dump: /],
    // The name may be lost in a power cut: a capture that cannot promise it does not.
    ['to sync the new name', { syncDirectory: refuses('EIO') }, ALL, /^dump: /],
  ])('%s', (_, trouble, files, reason) => {
    const found = run({ troubles: [trouble] });
    expect(found.outcome).toMatchObject({ saved: false, reason: expect.stringMatching(reason) });
    expect(found.files).toEqual([files]);
    if (files.length > 0) expect(found.manifests[0]).toMatchObject({ state: 'incomplete' });
  });

  test('the kernel log: the dump is saved, and the log goes to the console', () => {
    const writeDurably = (name: string) => {
      if (name === 'vmcore-dmesg.txt') throw errno('EIO');
    };
    const found = run({ troubles: [{ writeDurably }] });
    expect(found.outcome.saved).toBe(true);
    expect(found.shown).toContain(BEGIN_MARK);
    expect(found.shown).toContain(`| [   12.000000] ${PANIC}`);
  });

  test.each(['manifest.json', 'kexec-dmesg.log'])('%s: the dump is saved', refused => {
    const writeDurably = (name: string) => {
      if (name === refused) throw errno('ENOSPC');
    };
    const found = run({ troubles: [{ writeDurably }] });
    expect(found.outcome.saved).toBe(true);
    expect(found.files[0]).toContain('vmcore');
    expect(found.warnings).toEqual([expect.stringMatching(/^commit: .*ENOSPC/)]);
  });

  test('to be unmounted: the dump is saved', () => {
    const found = run({ troubles: [{ unmount: refuses('EBUSY') }] });
    expect(found.outcome.saved).toBe(true);
    expect(found.warnings).toEqual([expect.stringMatching(/^unmount: .*EBUSY/)]);
  });

  test('everything: the kernel log goes to the console, whatever the kernel writes there', () => {
    const found = run({ troubles: [{ open: refuses('ENXIO') }], broken: ['quietKernel'] });
    expect(found.outcome).toMatchObject({ saved: false, places: [] });
    expect(found.shown).toContain(`| [   12.000000] ${PANIC}`);
    expect(found.warnings).toContain('dmesg: test: quietKernel is broken');
  });
});

describe('a disk that returns other bytes than it was given', () => {
  const damaging = (times: number): Trouble => {
    let left = times;
    return { readBack: () => left-- > 0 };
  };

  test('once: the dump is written once more', () => {
    const found = run({ troubles: [damaging(1)] });
    expect(found).toMatchObject({ outcome: { saved: true }, files: [ALL] });
    expect(found.warnings).toEqual([
      expect.stringMatching(/^verify: .*read back differently.*the dump is written once more$/),
    ]);
  });

  test('twice: there is no dump', () => {
    const found = run({ troubles: [damaging(2)] });
    expect(found.outcome).toMatchObject({
      saved: false,
      reason: expect.stringContaining('dump to another disk'),
    });
    expect(found.files).toEqual([INCOMPLETE]);
  });
});

describe('a target that is full', () => {
  /** Takes so many bytes of the dump, and no more however often it is asked. */
  const holding = (bytes: number): Trouble => ({
    write(endOffset) {
      if (endOffset > bytes) throw errno('ENOSPC');
    },
  });
  const ENOSPC = 28;
  const EOPNOTSUPP = 95;

  test('in mid-dump, with room for a part: the part is kept, and says what it lacks', () => {
    const found = run({ troubles: [holding(5 * MIB)], vmcore: vmcoreFile(6) });
    expect(found.outcome).toMatchObject({
      saved: false,
      reason: expect.stringMatching(/^dump: it is incomplete: there was no room for \d+ of \d+ pages$/),
    });
    expect(found.files).toEqual([INCOMPLETE]);
    const [manifest] = found.manifests;
    expect(manifest).toMatchObject({ state: 'incomplete', dump: { name: 'vmcore-incomplete' } });
    expect(manifest!.dump!.pages.missing).toBeGreaterThan(0);
  });

  test.each([
    ['in mid-dump', { troubles: [holding(1000)] }],
    ['by fallocate', { fallocate: ENOSPC }],
  ])('%s, with room for none: the kernel log is what is saved', (_, scenario) => {
    const found = run(scenario);
    expect(found.outcome).toMatchObject({
      saved: false,
      reason: expect.stringMatching(/^dump: Cannot save a dump: .*what to do: free space on the target/),
    });
    expect(found.files).toEqual([WITHOUT_DUMP]);
    expect(found.manifests[0]!.space!.steps.at(-1)).toBe('no room for any dump: none is made');
  });

  test('a file system without fallocate is a warning', () => {
    const found = run({ fallocate: EOPNOTSUPP });
    expect(found.outcome.saved).toBe(true);
    expect(found.warnings).toEqual([expect.stringMatching(/^dump: room is not reserved: .*errno 95/)]);
    expect(found.manifests[0]!.space).toMatchObject({ reserved: false });
  });
});

test('of a dump no more than some MiB are in memory, while it is made and while it is read back', () => {
  const dropped: (number | 'all')[] = [];
  const found = run({
    vmcore: vmcoreFile(6),
    onDrop: range => void dropped.push(range ? range.lengthBytes : 'all'),
  });
  const { bytes } = found.manifests[0]!.dump!;
  expect(bytes).toBeGreaterThan(6 * MIB);
  const [whileMade, whileRead] = [0, 1].map(i => {
    const parts = dropped.join(' ').split('all')[i]!.trim().split(' ').map(Number);
    return parts.reduce((sum, part) => sum + part, 0);
  });
  expect(bytes - whileMade!).toBeLessThan(3.5 * MIB);
  expect(bytes - whileRead!).toBeLessThan(MIB);
});

test('what the device did not take of what was written before fails the dump, as a write does', () => {
  const found = run({ vmcore: vmcoreFile(6), syncRange: 5 });
  expect(found.outcome).toMatchObject({ saved: false, reason: expect.stringMatching(/^dump: .*EIO/) });
  expect(found.files).toEqual([INCOMPLETE]);
});

describe('fallback targets', () => {
  const missing: Trouble = { open: refuses('DEVICE_MISSING') };
  const failing: Trouble = { write: refuses('EIO') };

  test.each([
    ['the target', [{}, {}, {}], 0, `/var/crash/${STAMP}`],
    ['the first, for a target that is missing', [missing, {}, {}], 1, `/var/crash/${STAMP} on /dev/disk1`],
    ['the first, for a target that fails', [failing, {}, {}], 1, `/var/crash/${STAMP} on /dev/disk1`],
    ['the last', [failing, missing, {}], 2, `/var/crash/${STAMP} on /dev/disk2`],
  ])('%s takes the dump', (_, troubles, used, place) => {
    const found = run({ troubles });
    expect(found.outcome).toMatchObject({ saved: true, directory: place });
    expect(found.files.map(names => names.includes('vmcore'))).toEqual(troubles.map((_, i) => i === used));
    // What a target took before it failed stays there.
    if (troubles[0] === failing) expect(found.files[0]).toEqual(INCOMPLETE);
  });

  test('when each of them fails, all that have files are named, and the first reason', () => {
    const found = run({ troubles: [failing, missing, failing] });
    expect(found.outcome).toMatchObject({
      saved: false,
      reason: expect.stringContaining('EIO'),
      places: [`/var/crash/${STAMP} on /dev/disk0`, `/var/crash/${STAMP} on /dev/disk2`],
      rescue: { directory: `/var/crash/${STAMP}` },
    });
    expect(found.files).toEqual([INCOMPLETE, [], INCOMPLETE]);
  });

  test('the rescue shell gets the first target with files', () => {
    const { outcome } = run({ troubles: [missing, failing] });
    const rescue = outcome.saved ? undefined : outcome.rescue;
    expect(rescue!.reopen().device).toBe('/dev/disk1');
  });

  test('no target but a partition: the rescue shell mounts none', () => {
    const { outcome } = run({ troubles: [missing], options: { fstype: 'raw' } });
    expect(outcome).toMatchObject({ saved: false, rescue: undefined });
  });
});

test('without a vmcore, the reason is saved once, and no fallback is tried after that', () => {
  const found = run({ vmcore: '/nonexistent/vmcore', troubles: [{}, {}] });
  expect(found.outcome).toMatchObject({
    saved: false,
    reason: expect.stringMatching(/^open: Cannot open \/nonexistent\/vmcore: .*kexec -s -p/),
  });
  expect(found.files).toEqual([['kexec-dmesg.log', 'manifest.json'], []]);
  expect(found.manifests[0]).toMatchObject({ failure: expect.stringMatching(/^open: /) });
});

describe('a machine that crashes again and again', () => {
  const EARLIER = ['20261126T105500Z', '20261126T105800Z'];

  test('saves its log, and no dump', () => {
    const found = run({ options: { crashLoop: '2/10' }, earlier: EARLIER, troubles: [{}, {}] });
    expect(found.outcome).toMatchObject({
      saved: false,
      reason: expect.stringMatching(/^a crash loop: 2 captures just before this one \(crashLoop 2\/10\)/),
      places: [`/var/crash/${STAMP}`],
    });
    expect(found.files).toEqual([WITHOUT_DUMP, []]);
    expect(found.manifests[0]).toMatchObject({ state: 'skipped' });
  });

  test.each([
    ['it has not crashed so often', '3/10'],
    ['it has not crashed so recently', '2/1'],
    ['the guard is off', '0'],
  ])('saves a dump where %s', (_, crashLoop) => {
    expect(run({ options: { crashLoop }, earlier: EARLIER }).outcome.saved).toBe(true);
  });
});

test('modules that do not load are warnings', () => {
  const modules = ['/modules/one.ko', '/modules/two.ko'];
  const found = run({ options: { modules }, broken: ['loadModule'] });
  expect(found.outcome.saved).toBe(true);
  const loads = found.calls.filter(call => call.startsWith('loadModule'));
  expect(loads).toEqual(['loadModule /modules/one.ko size=2', 'loadModule /modules/two.ko']);
  expect(found.warnings).toHaveLength(2);
});

test('a kernel log of the capture that cannot be read leaves our own lines', () => {
  const found = run({ broken: ['readKernelLog'] });
  expect(found).toMatchObject({ outcome: { saved: true }, files: [ALL] });
  expect(found.warnings).toEqual(['commit: test: readKernelLog is broken']);
});

test('with hardly any memory left the dump is the same, by smaller writes', () => {
  const whole = run();
  const short = run({ availableKib: 3000 });
  expect(short.manifests[0]!.state).toBe('complete');
  expect(short.manifests[0]!.dump).toEqual(whole.manifests[0]!.dump);
});
