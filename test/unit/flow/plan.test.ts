import { describe, expect, test } from 'vitest';
import type { Ffi } from '../../../capture/ffi/library.ts';
import type { CaptureContext } from '../../../capture/flow/context.ts';
import { DeadlineError, Phases } from '../../../capture/flow/phases.ts';
import { DumpPlanner } from '../../../capture/flow/plan.ts';
import { openMemoryBudget } from '../../../capture/init/memory-budget.ts';
import { openCrash } from '../../../capture/kernel/crash.ts';
import { openLog } from '../../../capture/log.ts';
import { checkOptions } from '../../../capture/options/schema.ts';
import type { DumpPlace } from '../../../capture/storage/place/place.ts';
import { LADDER } from '../../../capture/storage/policy/ladder.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeHeartbeat } from '../../support/fake-heartbeat.ts';
import { IMAGE_PADDR, IMAGE_VADDR, KernelBuilder } from '../../support/kernel-builder.ts';
import { MemmapMachine } from '../../support/memmap-machine.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const [WISHED, TIGHTER, STRONGER] = LADDER;
const NO_ROOM = { room: () => ({ users: 0, root: 0 }) };

/** @param hasImage whether vmcoreinfo says where the kernel's image is, which the search for the first pages starts from. */
function vmcore(hasImage: boolean): MemorySource {
  const _stext = hasImage ? IMAGE_VADDR.toString(16) : undefined;
  const builder = new KernelBuilder({ records: [{ text: 'one' }], vmcoreinfo: { 'SYMBOL(_stext)': _stext } });
  for (let at = 0; at < 4 * 4096; at += 4096) builder.map(IMAGE_VADDR + BigInt(at), IMAGE_PADDR + at, 'page');
  return new MemorySource(builder.build());
}

function open({ dumpLevel = 0, codec = 'zlib', ffi = undefined as Ffi | undefined, hasImage = true } = {}) {
  const clock = new FakeClock();
  const log = openLog(() => {}, clock.seconds);
  const heartbeat = fakeHeartbeat();
  const phases = new Phases({ clock, deadlineSeconds: 100, heartbeat, hooks: {} });
  const options = checkOptions({ target: '/dev/vda', fstype: 'ext4', modules: [], codec, dumpLevel });
  const memory = openMemoryBudget(() => '');
  const context = { options, log, clock, ffi, memory, libc: undefined } as unknown as CaptureContext;
  const crash = openCrash(vmcore(hasImage));
  const planner = new DumpPlanner({
    findings: { isLogSaved: false },
    context,
    crash,
    phases,
    place: {} as DumpPlace,
    keeper: NO_ROOM,
  });
  return { planner, clock, log, heartbeat };
}

test('a plan is kept until another level is asked for', () => {
  const { planner, heartbeat } = open();
  const wished = planner.plan(WISHED);
  expect(planner.plan(WISHED)).toBe(wished);
  expect(heartbeat.phases).toEqual(['plan', 'space']);
  const tighter = planner.plan(TIGHTER);
  expect(tighter.pages).not.toBe(wished.pages);
  // Another codec at the same level: the pages are not chosen again.
  expect(planner.plan(STRONGER).pages).toBe(tighter.pages);
  expect(heartbeat.phases).toEqual(['plan', 'space', 'plan', 'space', 'space']);
  planner.close();
});

test('choosing the pages of a large machine says how far it is, and of others nothing', () => {
  const said = (secondsPerBeat: number): string[] => {
    const clock = new FakeClock();
    const log = openLog(() => {}, clock.seconds);
    const heartbeat = { ...fakeHeartbeat(), beat: () => clock.advance(secondsPerBeat) };
    const phases = new Phases({ clock, deadlineSeconds: 3600, heartbeat, hooks: {} });
    const options = checkOptions({ target: '/dev/vda', fstype: 'ext4', modules: [], dumpLevel: 31 });
    const context = { options, log, clock } as unknown as CaptureContext;
    const crash = new MemmapMachine().crash();
    const findings = { isLogSaved: false };
    const place = {} as DumpPlace;
    const planner = new DumpPlanner({ findings, context, crash, phases, place, keeper: NO_ROOM });
    planner.plan(WISHED);
    planner.close();
    return log.lines.map(({ text }) => text).filter(text => text.includes('choosing pages'));
  };
  expect(said(20)[0]).toMatch(/dump: choosing pages: \d+ % of \d+ MB, \d+ MB\/s, ETA \d+ s$/);
  expect(said(0.001)).toEqual([]);
});

test('measuring a dump, and the pages that come first, is progress for the supervisor', () => {
  const { planner, heartbeat } = open();
  let beats = 0;
  heartbeat.beat = () => {
    if (heartbeat.phases.at(-1) === 'space') beats += 1;
  };
  const planned = planner.plan(WISHED);
  // One of them is the phase's beginning.
  expect(beats).toBeGreaterThan(1);
  beats = 0;
  planner.bound(planned, planned.prediction.bytes / 2);
  // The search, and the measurement of what it found.
  expect(beats).toBeGreaterThan(1);
});

test.each([
  ['for its pages as they are, a small sample is compressed', 0, 1],
  ['for one byte less, as many as make a good prediction', -1, 5],
])('where there is room %s', (_, moreBytes, batches) => {
  const clock = new FakeClock();
  const crash = new MemmapMachine().crash();
  const { pageSizeBytes } = crash.vmcore;
  const heartbeat = fakeHeartbeat();
  let beats = 0;
  heartbeat.beat = () => {
    if (heartbeat.phases.at(-1) === 'space') beats += 1;
  };
  const options = checkOptions({
    target: '/dev/vda',
    fstype: 'ext4',
    modules: [],
    dumpLevel: 0,
    codec: 'zlib',
  });
  const log = openLog(() => {}, clock.seconds);
  let most = 0;
  const planner = new DumpPlanner({
    findings: { isLogSaved: false },
    context: { options, log, clock } as unknown as CaptureContext,
    crash,
    phases: new Phases({ clock, deadlineSeconds: 3600, heartbeat, hooks: {} }),
    place: {} as DumpPlace,
    keeper: { room: () => ({ users: most + moreBytes, root: 0 }) },
  });
  const { layout, pages } = planner.plan(WISHED);
  most = layout.dataOffset + (pages.bitmap2.count() + 1) * pageSizeBytes;
  beats = 0;
  planner.plan(STRONGER);
  // One of them is the phase's beginning, the others are for 256 pages each.
  expect(beats).toBe(1 + batches);
  planner.close();
});

test.each([
  [0, 'zlib', [false, true, true]],
  [31, 'zlib', [false, false, true]],
])('at level %i by %s, which steps make another dump', (dumpLevel, codec, others) => {
  const { planner } = open({ dumpLevel, codec });
  expect([WISHED, TIGHTER, STRONGER].map(step => planner.isOther(step))).toEqual(others);
});

test('the prediction holds the pages of the vmcore, and room for its error', () => {
  const { planner } = open();
  const { pages, layout, prediction } = planner.plan(WISHED);
  expect(prediction.bytes).toBeGreaterThan(layout.dataOffset);
  expect(prediction.bytes).toBeLessThan(layout.dataOffset + pages.bitmap2.count() * 4096);
  expect(prediction.needBytes).toBeGreaterThanOrEqual(prediction.bytes);
});

test('a codec whose library cannot be opened is replaced by Node’s own, with a warning', () => {
  const { planner, log } = open({ ffi: {} as Ffi });
  expect(planner.plan(WISHED).codec.name).toBe('zlib');
  expect(log.warnings).toEqual([expect.stringMatching(/^dump: compressing with .*: /)]);
});

test('a level that needs the memmap, where there is none: every page is kept, with a warning', () => {
  const { planner, log } = open({ dumpLevel: 31 });
  expect(planner.plan(WISHED).pages.dumpLevel).toBe(1);
  expect(log.warnings.length).toBeGreaterThan(0);
});

describe('the pages that come first in a dump with a limit', () => {
  test('are searched for with a word now and then, where that takes long', () => {
    const said = (secondsPerBeat: number): string[] => {
      const { planner, log, heartbeat, clock } = open();
      const planned = planner.plan(WISHED);
      heartbeat.beat = () => clock.advance(secondsPerBeat);
      planner.bound(planned, planned.prediction.bytes / 2);
      planner.close();
      return log.lines.map(({ text }) => text).filter(text => text.includes('needed most'));
    };
    expect(said(20)[0]).toMatch(/space: choosing the pages that are needed most: \d+ searched$/);
    expect(said(0.001)).toEqual([]);
  });

  test('are some of those that are dumped, and fit', () => {
    const { planner, log } = open();
    const planned = planner.plan(WISHED);
    const limitBytes = planned.layout.dataOffset + 40_000;
    const bound = planner.bound(planned, limitBytes);
    expect(bound.firstPages).toBeGreaterThan(0);
    expect(bound.first.count()).toBe(bound.firstPages);
    const { bitmap2 } = planned.pages;
    for (let pfn = 0; pfn < bitmap2.sizeBits; pfn++)
      if (bound.first.has(pfn) && !bitmap2.has(pfn)) throw new Error(`page ${pfn} is not dumped`);
    expect(bound.limitBytes).toBe(limitBytes);
    expect(log.warnings).toEqual([]);
  });

  test('are none where the kernel’s image cannot be found, with a warning', () => {
    const { planner, log } = open({ hasImage: false });
    expect(planner.bound(planner.plan(WISHED), 1 << 20).firstPages).toBe(0);
    expect(log.warnings).toEqual([
      expect.stringMatching(/^dump: pages are taken in the order of memory: Cannot /),
    ]);
  });

  test('are not looked for after the deadline', () => {
    const { planner, clock } = open();
    const planned = planner.plan(WISHED);
    clock.advance(100);
    expect(() => planner.bound(planned, 1 << 20)).toThrow(DeadlineError);
  });
});

test('after the deadline nothing is planned', () => {
  const { planner, clock } = open();
  clock.advance(100);
  expect(() => planner.plan(WISHED)).toThrow(DeadlineError);
});
