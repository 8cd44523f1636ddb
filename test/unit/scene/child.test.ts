/** Real autopsy programs in processes of their own: the one of the product, and bad ones in its place. None costs the dump. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE_BINARY, PROJECT } from '../../../build/paths.ts';
import { present } from '../../../capture/autopsy/summary/autopsy.ts';
import { type Libc, openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import type { Clock } from '../../../capture/flow/context.ts';
import { type Autopsist, autopsist } from '../../../capture/scene/child.ts';
import { parseAutopsy } from '../../../scripts/lib/dumps/autopsy-schema.ts';
import { crashedKernel } from '../../support/crashed-kernel.ts';
import { type Found, run, vmcoreFile } from '../flow/fixture.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-scene-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The machine's time, but so many times as fast: a minute's patience takes seconds. */
function fastClock(times: number): Clock {
  const start = performance.now();
  return {
    seconds: () => ((performance.now() - start) / 1000) * times,
    sleep: seconds =>
      void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, (seconds * 1000) / times),
    wallSeconds: () => Date.UTC(2026, 10, 26, 11) / 1000,
  };
}

/** Looks that seldom. */
function seldom(everySeconds: number): Clock {
  const clock = fastClock(1);
  return { ...clock, sleep: () => clock.sleep(everySeconds) };
}

let programs = 0;
function program(text: string): string {
  const path = join(directory, `program-${programs++}.cjs`);
  writeFileSync(
    path,
    `const { existsSync, writeFileSync } = require('fs');\nconst { join } = require('path');
const directory = process.argv[3];\nconst progress = n => writeFileSync(join(directory, 'progress'), String(n));\n${text}`,
  );
  return path;
}

function start(file: string, vmcorePath: string, libc: Partial<Libc> = openLibc(openFfi())): Autopsist {
  return autopsist({
    libc,
    node: [NODE_BINARY],
    flags: ['--no-warnings', '--max-old-space-size=40'],
    program: file,
    vmcorePath,
    directory: join(directory, `scene-${programs}`),
    discard() {},
  });
}

/** On a busy machine, one that reads for ever may not get to its first read in the time that is so much faster. */
const ENDED = /^it was ended: it (made no progress for|was not done after) \d+ s$/;

/** A capture of the fixture's small kernel, with such a program. */
const captureWith = (text: string, clock = fastClock(1), deadlineSeconds = 100_000) =>
  run({ autopsist: start(program(text), '/dev/null'), clock, options: { deadlineSeconds } });

function whyOf({ outcome, manifests }: Found): string {
  expect(outcome.saved).toBe(true);
  expect(manifests[0]).toMatchObject({ state: 'complete', autopsy: { state: 'failed' } });
  return manifests[0]!.autopsy!.why!;
}

test('the real program reads a crashed kernel', () => {
  const vmcorePath = join(directory, 'vmcore');
  writeFileSync(vmcorePath, crashedKernel().build());
  const main = join(PROJECT, 'capture/scene/main.ts');
  const found = run({ autopsist: start(main, vmcorePath), clock: fastClock(1) });
  expect(found.manifests[0]).toMatchObject({ state: 'complete', autopsy: { state: 'saved' } });
  const program = start(main, vmcorePath);
  const runIn = (withTables: boolean) => {
    const running = program.start(withTables);
    while (running.isRunning()) {
      running.begin(64 << 20);
      fastClock(1).sleep(0.02);
    }
    expect(running.result()).toMatchObject({ state: 'saved' });
    return running;
  };
  const { pfns, debuggerPages } = runIn(true).pages()!;
  const running = runIn(false);
  expect(running.pages()).toEqual({ pfns: pfns.slice(0, debuggerPages), debuggerPages });
  const autopsy = parseAutopsy(running.read('json'))!;
  expect(present(autopsy.modules)!.map(({ name }) => name)).toContain('zram');
  expect(running.read('text')).toMatch(/^Autopsy of .*\n[\s\S]*\nTasks by stack\n[\s\S]*zram/);
});

test('a kernel without symbols gives none, and the reason', () => {
  const found = run({
    clock: fastClock(1),
    autopsist: start(join(PROJECT, 'capture/scene/main.ts'), vmcoreFile()),
  });
  expect(found.manifests[0]).toMatchObject({ state: 'complete', autopsy: { state: 'skipped' } });
  expect(found.manifests[0]!.autopsy!.why).toMatch(/^Cannot /);
});

test('without system calls, Node starts the program', () => {
  const main = join(PROJECT, 'capture/scene/main.ts');
  const found = run({ clock: fastClock(1), autopsist: start(main, vmcoreFile(), {}) });
  expect(found.manifests[0]).toMatchObject({ state: 'complete', autopsy: { state: 'skipped' } });
});

test('the capture asks whether it is worth a look', () => {
  const vmcorePath = join(directory, 'vmcore');
  writeFileSync(vmcorePath, crashedKernel().build());
  const running = start(join(PROJECT, 'capture/scene/main.ts'), vmcorePath).start(false);
  const due = () => {
    for (let asked = 0; !running.isDue() && asked < 3000; asked++) fastClock(1).sleep(0.01);
    return running.isDue();
  };
  expect(due()).toBe(true);
  expect(running.pages()).toBeUndefined();
  running.begin(64 << 20);
  expect(running.isDue()).toBe(false);
  expect(due()).toBe(true);
  expect(running.pages()!.debuggerPages).toBeGreaterThan(0);
});

/** A program that starts slowly begins when help was asked for already. */
test.each(['before', 'after'])('what it may map to help counts where it is allowed %s it begins', when => {
  const limits: number[] = [];
  const limitData = (_: number, bytes: number) => void limits.push(bytes);
  const text = "writeFileSync(join(directory, 'started'), ''); setInterval(() => {}, 1000);";
  const running = start(program(text), '/dev/null', { limitData }).start(false);
  for (let asked = 0; !running.isDue() && asked < 3000; asked++) fastClock(1).sleep(0.01);
  const [own, more] = [1 << 30, 64 << 20];
  if (when === 'before') running.allow(more);
  running.begin(own);
  if (when === 'after') running.allow(more);
  running.kill();
  const known = start(program(text), '/dev/null', { limitData }).start(false);
  for (let asked = 0; !known.isDue() && asked < 3000; asked++) fastClock(1).sleep(0.01);
  known.begin(own + more);
  known.kill();
  // Two processes of one program map alike, but for some hundred KiB.
  const [allowed, wanted] = [limits.at(-2)!, limits.at(-1)!];
  expect(Math.abs(allowed - wanted)).toBeLessThan(more / 8);
});

describe('a bad program costs no dump', () => {
  test('it throws', () => {
    expect(whyOf(captureWith("progress(1); throw new TypeError('a bug');"))).toBe('TypeError: a bug');
  });

  test('it ends without a result', () => {
    expect(whyOf(captureWith('progress(1);'))).toBe('it ended without a result');
  });

  test('it is killed by a signal', () => {
    expect(whyOf(captureWith("process.kill(process.pid, 'SIGSEGV');"))).toBe('it ended without a result');
  });

  test('it loops before it reads anything', () => {
    expect(whyOf(captureWith('for (;;);', fastClock(40)))).toMatch(ENDED);
  });

  test('it loops between two reads', () => {
    const why = whyOf(captureWith('progress(1); for (;;);', fastClock(40)));
    expect(why).toMatch(ENDED);
  });

  test('it makes progress for ever', () => {
    const why = whyOf(captureWith('for (let n = 0; ; n++) progress(n);', fastClock(30), 400));
    expect(why).toMatch(ENDED);
  });

  test('it takes all memory of its heap', () => {
    const why = whyOf(captureWith('progress(1); const all = []; for (;;) all.push(new Array(1e6).fill(1));'));
    expect(why).toMatch(/^FATAL ERROR: .*heap out of memory/i);
  });

  test('it takes memory outside of its heap faster than anybody looks: the kernel refuses it', () => {
    const text = `writeFileSync(join(directory, 'started'), '');
      while (!existsSync(join(directory, 'begin')));
      progress(1); for (const all = []; ; ) all.push(Buffer.alloc(1 << 20, 1));`;
    expect(whyOf(captureWith(text, seldom(2)))).toMatch(/^(FATAL ERROR|RangeError): .*allocation failed/i);
  });

  test('it takes memory outside of its heap', () => {
    const text = 'progress(1); for (const all = []; ; ) all.push(Buffer.alloc(1 << 20, 1));';
    expect(whyOf(captureWith(text))).toMatch(/^it was ended: it took \d+ MiB of memory$/);
  });

  test('it writes without end', () => {
    const text = `progress(1); writeFileSync(join(directory, 'autopsy.json'), Buffer.alloc(2 << 20));
      writeFileSync(join(directory, 'autopsy.txt'), ''); writeFileSync(join(directory, 'result.json'), '{"state":"saved"}');`;
    expect(whyOf(captureWith(text))).toMatch(/autopsy\.json has 2097152 bytes/);
  });

  test('its result makes no sense', () => {
    expect(whyOf(captureWith("writeFileSync(join(directory, 'result.json'), '{\"state\":');"))).toBe(
      'it ended without a result',
    );
  });
});
