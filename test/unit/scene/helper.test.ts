/** The autopsy's process helps with the dump that is made meanwhile: the dump is that of one thread, whatever becomes of it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE_BINARY, PROJECT } from '../../../build/paths.ts';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import type { Clock } from '../../../capture/flow/context.ts';
import { AUTOPSY_FLAGS, autopsist, type RunningAutopsy } from '../../../capture/scene/child.ts';
import { BATCH_BYTES, HELPER_SLOTS, helperBytes } from '../../../capture/threads/cost.ts';
import { workFiles } from '../../../capture/threads/work-file.ts';
import { MAPPING_BYTES } from '../../../capture/vmcore/mappable.ts';
import type { Trouble } from '../../support/fake-place.ts';
import { type Found, run, vmcoreFile } from '../flow/fixture.ts';

const PROGRAM = join(PROJECT, 'capture/scene/main.ts');
const HELPED = 'dump: the process of the autopsy compressed some of it';
/** Some 24 batches. */
const MIB = 12;
const MOST_SECONDS = 20;

let folder: string;
let vmcore: string;
let alone: Found;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-helper-'));
  vmcore = vmcoreFile(MIB, 'digits');
  alone = captureWith(PROGRAM, 1);
});
afterAll(() => rmSync(folder, { recursive: true }));

function sleep(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

const clock: Clock = {
  seconds: () => performance.now() / 1000,
  sleep,
  wallSeconds: () => Date.UTC(2026, 10, 26, 11) / 1000,
};

let scenes = 0;
let running: RunningAutopsy | undefined;

interface Conditions {
  readonly mostWaitMs?: number;
  readonly troubles?: readonly Trouble[];
}

/** The dump waits, where it makes progress, until the process has looked for work, and then has a moment for it. */
function captureWith(
  program: string,
  cpus = 2,
  { mostWaitMs = 20_000, troubles = [{}] }: Conditions = {},
): Found {
  const directory = join(folder, `scene-${scenes++}`);
  const { looked, terms } = workFiles(directory);
  const own = autopsist({
    libc: openLibc(openFfi()),
    node: [NODE_BINARY],
    flags: ['--no-warnings'],
    program,
    vmcorePath: vmcore,
    directory,
    discard() {},
  });
  const start = (withTables: boolean) => {
    running = own.start(withTables);
    // It reads when the dump is being made, however fast it is.
    return cpus > 1 ? { ...running, begin() {} } : running;
  };
  const found = run({
    vmcore,
    clock,
    availableKib: 90_000,
    troubles,
    autopsist: { ...own, start },
    compressors: { cpus, program: '', mostWaitMs },
    options: { deadlineSeconds: 1000 },
    hooks: {
      onProgress(phase) {
        if (phase !== 'dump' || !existsSync(terms)) return;
        for (let waited = 0; !existsSync(looked) && waited < MOST_SECONDS; waited += 0.01) {
          running!.begin(64 << 20);
          sleep(0.01);
        }
        sleep(0.3);
      },
    },
  });
  for (const file of [terms, workFiles(directory).memory]) expect(existsSync(file)).toBe(false);
  return found;
}

function expectSameDump(found: Found): void {
  expect(found.manifests[0]).toMatchObject({ state: 'complete' });
  expect(found.manifests[0]!.dump).toEqual(alone.manifests[0]!.dump);
  expect(found.manifests[0]!.autopsy).toEqual(alone.manifests[0]!.autopsy);
}

function expectEnded(): void {
  for (let waited = 0; running!.isRunning() && waited < MOST_SECONDS; waited += 0.01) sleep(0.01);
  expect(running!.isRunning()).toBe(false);
}

test('both compress, and the process ends with the dump', () => {
  const found = captureWith(PROGRAM);
  expect(found.lines).toContain(HELPED);
  expect(found.warnings).toEqual([]);
  expectSameDump(found);
  expect(found.manifests[0]!.cpus).toEqual({ online: 2, threads: 2 });
  expectEnded();
});

test('a disk that fails in mid-dump ends the process, too', () => {
  // Once it helps, which is before the dump's last writes.
  const write = () => {
    if (running?.isHelping()) throw new Error('a bad block');
  };
  const found = captureWith(PROGRAM, 2, { troubles: [{ write }] });
  expect(found.manifests[0]).toMatchObject({
    state: 'incomplete',
    failure: expect.stringContaining('a bad block'),
    autopsy: alone.manifests[0]!.autopsy,
  });
  expectEnded();
});

/** A program that makes an autopsy of nothing, claims the first batch, and then does something bad. */
function badProgram(deed: string): string {
  const file = join(folder, `bad-${scenes}.cjs`);
  const before = `const { appendFileSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } = require('fs');
    const { join } = require('path');
    const own = name => join(process.argv[3], name);
    writeFileSync(own('started'), '');
    while (!existsSync(own('begin')) || !existsSync(own('work.json')));
    writeFileSync(own('result.json'), '{"state":"skipped","why":"there is nothing to read"}');
    const { sizesBytes: [bitmap2, bounds] } = JSON.parse(readFileSync(own('work.json')));
    const memory = openSync(own('work-memory'), 'r+');
    const aligned = bytes => Math.ceil(bytes / 65536) * 65536;
    const setTurn = (index, value) => writeSync(memory, Int32Array.of(value), 0, 4, aligned(bitmap2) + aligned(bounds) + 4 * index);
    setTurn(0, 1);
    writeFileSync(own('looked-for-work'), '');`;
  writeFileSync(file, `${before}\n${deed}\n`);
  return file;
}

describe('the dump is made to its end without the process', () => {
  test.each([
    ['ends', '', 'the process that helps has ended'],
    ['is killed by a signal', "process.kill(process.pid, 'SIGBUS');", 'the process that helps has ended'],
    ['does nothing', 'setInterval(() => {}, 1000);', 'a thread has done nothing for 0.5 s'],
    [
      'says why it cannot go on',
      `appendFileSync(own('work-reports'), '{"kind":"unreadable","pfn":1e9,"reason":"bad memory"}\\n{"kind":"failed",');
       appendFileSync(own('work-reports'), '"reason":"no zstd here’s"}\\n'); setTurn(1, 1); setInterval(() => {}, 1000);`,
      'no zstd here’s',
    ],
  ])('one that %s', (_, deed, why) => {
    const found = captureWith(badProgram(deed), 2, { mostWaitMs: 500 });
    expect(found.warnings).toEqual([`dump: one thread makes the rest of the dump: ${why}`]);
    expect(found.manifests[0]!.dump).toEqual(alone.manifests[0]!.dump);
    expect(found.manifests[0]!.autopsy).toEqual({ state: 'skipped', why: 'there is nothing to read' });
    expectEnded();
  });
});

// It goes through its whole heap when memory outside of that is more than half of what the heap may be (V8's external_memory_hard_limit).
test('what it maps is less than what makes V8 go through its heap', () => {
  const heapMib = /--max-old-space-size=(\d+)/.exec(AUTOPSY_FLAGS.join(' '))?.[1];
  // The bitmap of a machine of 128 GiB, one bit for each page.
  const mapped =
    MAPPING_BYTES + helperBytes(HELPER_SLOTS[0]!, { batchBytes: BATCH_BYTES, bitmapBytes: 4 << 20 });
  expect(mapped).toBeLessThan((Number(heapMib) << 20) / 2);
});
