/**
 * `kdumpling dump` against makedumpfile 1.7.2 on the same vmcore, byte by byte: every format without compression is
 * deterministic. 6.1, because there 1.7.2 is exact.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareLogs, dumpDmesg } from '../../qemu/judges/makedumpfile.ts';
import { type Bench, OURS, openBench, vmcoreOf } from './vmcores.ts';

const TIMEOUT_MS = 120_000;

let bench: Bench;
let folder: string;
let vmcore: string;
beforeAll(async () => {
  bench = await openBench();
  vmcore = vmcoreOf('6.1-cloud').vmcore;
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-formats-'));
}, TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

/** Runs a command to its success, with files of the folder as its input and output. */
function run(argv: readonly string[], { input, output }: { input?: string; output?: string } = {}): void {
  const [command, ...args] = argv;
  const fds = [input ? openSync(at(input), 'r') : undefined, output ? openSync(at(output), 'w') : undefined];
  try {
    const stdio = [fds[0] ?? 'ignore', fds[1] ?? 'ignore', 'pipe'] as const;
    const { status, stderr } = spawnSync(command, args, { stdio: [...stdio], timeout: TIMEOUT_MS });
    if (status !== 0) throw new Error(`${args.join(' ')}: exit code ${status}: ${stderr}`);
  } finally {
    for (const fd of fds) if (fd !== undefined) closeSync(fd);
  }
}

const ours = (...args: string[]) => [...OURS.argv, '-f', '--message-level', '4', ...args];
const theirs = (...args: string[]) => [...bench.makedumpfile172.argv, '-f', '--message-level', '4', ...args];

/** Where two files first differ; undefined when they don't. */
function difference(one: string, other: string): number | undefined {
  const fds = [openSync(at(one), 'r'), openSync(at(other), 'r')];
  const chunks = [Buffer.alloc(1 << 22), Buffer.alloc(1 << 22)];
  try {
    for (let offset = 0; ; offset += chunks[0].length) {
      const [a, b] = chunks.map((chunk, i) =>
        chunk.subarray(0, readSync(fds[i], chunk, 0, chunk.length, offset)),
      );
      if (!a.equals(b))
        return (
          offset +
          Math.max(
            0,
            a.findIndex((byte, i) => byte !== b[i]),
          )
        );
      if (a.length === 0) return undefined;
    }
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

function expectSame(one: string, other: string): void {
  expect(statSync(at(one)).size).toBe(statSync(at(other)).size);
  expect(difference(one, other)).toBeUndefined();
}

describe('without compression, byte for byte makedumpfile’s', () => {
  test.each([[1], [31]])(
    'kdump-compressed, -d %i',
    level => {
      run(ours('-d', `${level}`, vmcore, at('ours')));
      run(theirs('-d', `${level}`, vmcore, at('theirs')));
      expectSame('ours', 'theirs');
    },
    TIMEOUT_MS,
  );

  test.each([[1], [31]])(
    'ELF, -d %i',
    level => {
      run(ours('-E', '-d', `${level}`, vmcore, at('ours')));
      run(theirs('-E', '-d', `${level}`, vmcore, at('theirs')));
      expectSame('ours', 'theirs');
    },
    TIMEOUT_MS,
  );

  test(
    'flattened and rearranged, each by the other',
    () => {
      run(theirs('-d', '31', vmcore, at('plain')));
      run(ours('-F', '-d', '31', vmcore), { output: 'ours.flat' });
      run(theirs('-F', '-d', '31', vmcore), { output: 'theirs.flat' });
      run(theirs('-R', at('ours.back')), { input: 'ours.flat' });
      run(ours('-R', at('theirs.back')), { input: 'theirs.flat' });
      run(ours('-R', at('own.back')), { input: 'ours.flat' });
      for (const back of ['ours.back', 'theirs.back', 'own.back']) expectSame(back, 'plain');
    },
    TIMEOUT_MS,
  );

  test(
    'split, and reassembled by the other',
    () => {
      const names = (who: string) => [1, 2, 3].map(i => at(`${who}.${i}`));
      const flags = ['--split', '--splitblock-size', '65536', '-d', '31', vmcore];
      run(ours(...flags, ...names('ours')));
      run(theirs(...flags, ...names('theirs')));
      for (const i of [1, 2, 3]) expectSame(`ours.${i}`, `theirs.${i}`);
      run(theirs('-d', '31', vmcore, at('plain')));
      run(theirs('--reassemble', ...names('ours'), at('ours.whole')));
      run(ours('--reassemble', ...names('theirs').toReversed(), at('theirs.whole')));
      for (const whole of ['ours.whole', 'theirs.whole']) expectSame(whole, 'plain');
    },
    TIMEOUT_MS,
  );

  test.each(['-c', '-l', '-p', '-z'])(
    'filtered again, from a dump made with -d 1 %s',
    codec => {
      run(ours('-d', '31', vmcore, at('direct')));
      run(ours(codec, '-d', '1', vmcore, at('first')));
      run(ours('-d', '31', at('first'), at('ours')));
      expectSame('ours', 'direct');
      // Debian builds no makedumpfile with snappy, and 1.7.2 has no zstd.
      if (codec === '-p') return;
      const argv = bench.makedumpfile.argv;
      run([...argv, '-f', '--message-level', '4', '-d', '31', at('first'), at('theirs')]);
      expectSame('ours', 'theirs');
    },
    TIMEOUT_MS,
  );

  test(
    'filtered again, from a dump of makedumpfile’s',
    () => {
      run(theirs('-l', '-d', '1', vmcore, at('first')));
      run(theirs('-d', '31', at('first'), at('theirs')));
      run(ours('-d', '31', at('first'), at('ours')));
      expectSame('ours', 'theirs');
    },
    TIMEOUT_MS,
  );
});

test(
  'the kernel log, of the vmcore and of a dump',
  async () => {
    run(ours('--dump-dmesg', vmcore, at('log')));
    run(ours('-z', '-d', '31', vmcore, at('dump')));
    run(ours('--dump-dmesg', at('dump'), at('log.again')));
    expectSame('log', 'log.again');
    const log = readFileSync(at('log'), 'latin1');
    expect(compareLogs(await dumpDmesg(bench.makedumpfile172, vmcore), log)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'the comparison can fail: another dump level is a difference',
  () => {
    run(ours('-d', '31', vmcore, at('a')));
    run(ours('-d', '27', vmcore, at('b')));
    expect(difference('a', 'b')).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
