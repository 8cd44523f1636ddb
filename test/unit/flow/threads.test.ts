/** Threads in a capture: they are real, the dump is that of one thread, and whatever becomes of them it is whole. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withHelper, withThreads } from '../../../capture/flow/threads.ts';
import { openMemoryBudget } from '../../../capture/init/memory-budget.ts';
import type { DumpInput } from '../../../capture/kdump/write/writer.ts';
import type { HelperProcess } from '../../../capture/threads/helper.ts';
import { type Found, run, vmcoreFile } from './fixture.ts';

const PROGRAM = new URL('../../../capture/threads/main.ts', import.meta.url);
/** Enough pages that a second thread pays more than an autopsy beside the dump. They are dense, for which codecs take another level, and shrink. */
const MIB = 64;
const AMPLE_KIB = 200_000;

let folder: string;
let vmcore: string;
let alone: Found;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-flow-threads-'));
  vmcore = vmcoreFile(MIB, 'digits');
  alone = captureOn(1, PROGRAM);
});
afterAll(() => rmSync(folder, { recursive: true }));

function captureOn(
  cpus: number,
  program: string | URL,
  availableKib = AMPLE_KIB,
  mostWaitMs?: number,
): Found {
  return run({ vmcore, compressors: { cpus, program, mostWaitMs }, availableKib });
}

const threadLines = ({ lines }: Found) => lines.filter(line => /^dump: .*thread/.test(line));

/** Its digests are of all bytes. */
function expectSameDump(found: Found): void {
  expect(found.manifests[0]).toMatchObject({ state: 'complete' });
  expect(found.manifests[0]!.dump).toEqual(alone.manifests[0]!.dump);
}

/** A program that claims a batch as a compressing thread does, and then does something bad. */
function badProgram(name: string, deed: string): string {
  const file = join(folder, `${name}.mjs`);
  const lines = [
    "import { parentPort } from 'node:worker_threads';",
    "parentPort.once('message', ({ work, reports }) => {",
    '  const turns = new Int32Array(work.turns);',
    '  Atomics.add(turns, 0, 1);',
    `  ${deed}`,
    '});',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

describe('the dump is that of one thread', () => {
  test('which says nothing of threads', () => expect(threadLines(alone)).toEqual([]));

  test('on three CPUs', () => {
    const found = captureOn(3, PROGRAM);
    expect(threadLines(found)).toEqual(['dump: 3 threads compress']);
    expect(found.warnings).toEqual([]);
    expectSameDump(found);
    expect(found.manifests[0]!.cpus).toEqual({ online: 3, threads: 3 });
    expect(alone.manifests[0]!.cpus).toEqual({ online: 1, threads: 1 });
  });

  test('where a thread fails, which is reported', () => {
    const fails =
      "reports.postMessage({ kind: 'failed', reason: 'out of luck' }); Atomics.store(turns, 1, 1);";
    const found = captureOn(2, badProgram('fails', fails));
    expect(found.warnings).toEqual(['dump: one thread makes the rest of the dump: out of luck']);
    expectSameDump(found);
  });

  test('where a thread dies without a word', () => {
    const found = captureOn(2, badProgram('dies', 'process.exit(1);'), AMPLE_KIB, 500);
    expect(found.warnings).toEqual([
      'dump: one thread makes the rest of the dump: a thread has done nothing for 0.5 s',
    ]);
    expectSameDump(found);
  });

  test('where no thread begins', () => {
    const found = captureOn(2, join(folder, 'no-program.js'));
    expect(found.warnings).toEqual([]);
    expectSameDump(found);
    expect(found.manifests[0]!.cpus).toEqual({ online: 2, threads: 1 });
  });
});

test('as many threads as there is memory for, and one where there is none for a second', () => {
  const mib = (count: number) => count * 1024;
  expect(threadLines(captureOn(8, PROGRAM))).toEqual(['dump: 4 threads compress']);
  const two = captureOn(4, PROGRAM, mib(16 + 14));
  expect(threadLines(two)).toEqual(['dump: 2 threads compress']);
  const one = captureOn(4, PROGRAM, mib(16 + 10));
  expect(threadLines(one)).toEqual([
    'dump: one thread compresses on 4 CPUs: 26 MiB of memory are available, it needs 29',
  ]);
  expectSameDump(one);
});

test('the process of the autopsy is not asked to help where there is no memory for it, and that is said', () => {
  const { context } = run();
  const memory = openMemoryBudget(() => `MemAvailable: ${18 << 10} kB\n`);
  const input = { bitmap2: { bytes: new Uint8Array(1) } } as unknown as DumpInput;
  const process: HelperProcess = {
    directory: join(folder, 'nowhere'),
    isHelping: () => expect.unreachable(),
    allow: () => expect.unreachable(),
    isRunning: () => expect.unreachable(),
    kill: () => expect.unreachable(),
  };
  expect(withHelper({ ...context, memory }, input, 'dump', process)).toBeUndefined();
  expect(context.log.lines.at(-1)!.text).toContain(
    'dump: the process of the autopsy will not compress: 18 MiB of memory are available, it needs 20',
  );
});

test('threads that cannot be given their work end, and give their memory back', async () => {
  const ticks = join(folder, 'ticks');
  const program = join(folder, 'ticks.mjs');
  writeFileSync(
    program,
    `import { appendFileSync } from 'node:fs';\nsetInterval(() => appendFileSync(${JSON.stringify(ticks)}, '.'), 10);\n`,
  );
  writeFileSync(ticks, '');
  const { context } = run();
  const compressors = { cpus: 2, program };
  // Much to compress, in a vmcore whose segments cannot be read.
  const input = {
    codec: { name: 'zlib', maxOutputBytes: 4096 },
    bitmap2: { count: () => 1e6, bytes: new Uint8Array(1), sizeBits: 0, nextSet: () => 0 },
    vmcore: {
      pageSizeBytes: 4096,
      get segments(): never {
        throw new RangeError('no memory for them');
      },
    },
  } as unknown as DumpInput;
  expect(withThreads({ ...context, compressors }, input, 'dump')).toBeUndefined();
  expect(context.log.lines.at(-1)!.text).toMatch(
    /dump: warning: one thread compresses: .*no memory for them/,
  );
  await setTimeout(1000);
  const after = statSync(ticks).size;
  await setTimeout(300);
  expect(statSync(ticks).size).toBe(after);
});
