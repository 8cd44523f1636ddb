/** A flattened dump as the input of `kdumpling dump`: whole, cut anywhere, and on standard input. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFlattenedSink } from '../../../../capture/kdump/format/flattened.ts';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { KernelBuilder } from '../../../support/kernel-builder.ts';
import { Random } from '../../../support/random.ts';
import { recordOutput } from '../../../support/recorded-output.ts';

const PROGRAM = join(import.meta.dirname, '../../../../scripts/kdumpling.ts');
const WRITE_BYTES = 5000;

let folder: string;
let vmcore: string;
let kdump: string;
let flat: string;
let out: string;
const output = recordOutput();
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-flattened-'));
  [vmcore, kdump, flat, out] = ['vmcore', 'kdump', 'flat', 'out'].map(name => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  const builder = new KernelBuilder({ records: [{ text: 'a line of the log' }] });
  const random = new Random(1);
  for (let i = 0; i < 30; i++) builder.memory.page(0x5000 + i).set(random.bytes(4096));
  writeFileSync(vmcore, builder.build());
  expect(await run('-z', vmcore, kdump)).toBe('0');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]): Promise<string> {
  output.said = [];
  process.exitCode = undefined;
  await runCommand(dump, ['--message-level', '4', ...argv]);
  return [`${process.exitCode}`, ...output.said].join(': ');
}

/** As `dump -F` sends it: the signature and the flags last. */
function flatten(bytes: Buffer): Buffer {
  const pieces: Uint8Array[] = [];
  const sink = openFlattenedSink(piece => pieces.push(piece.slice()));
  for (let at = 0; at < bytes.length; at += WRITE_BYTES)
    sink.writeAt(bytes.subarray(at, at + WRITE_BYTES), at);
  sink.end();
  return Buffer.concat(pieces);
}

describe.each([
  ['a kdump-compressed dump', () => kdump],
  ['an ELF core', () => vmcore],
])('%s', (_, file) => {
  const stream = () => flatten(readFileSync(file()));

  test('whole: the dump is that of the file', async () => {
    writeFileSync(flat, stream());
    expect(await run('-z', flat, out)).toBe('0');
    const again = join(folder, 'again');
    expect(await run('-z', file(), again)).toBe('0');
    expect(readFileSync(out).equals(readFileSync(again))).toBe(true);
  });

  test('whole, with threads: they cannot read its records, and the dump is the same', async () => {
    writeFileSync(flat, stream());
    expect(await run('-z', '--num-threads', '2', flat, out)).toBe('0');
    expect(openKdump(readFileSync(out)).header.status & 8).toBe(0);
  });

  test.each([16, 5000, 40_000])('cut by %i bytes: an incomplete dump and exit code 1', async cutBytes => {
    const bytes = stream();
    writeFileSync(flat, bytes.subarray(0, bytes.length - cutBytes));
    expect(await run('-z', flat, out)).toMatch(
      /^1: .*Cannot make a complete dump of .*flat: .*the flattened stream does not end with its end mark.*out is marked incomplete/s,
    );
    const { header } = openKdump(readFileSync(out));
    expect(header).toMatchObject({ signature: 'KDUMP   ', status: 0x28 });
  });

  test('cut within its head: nothing is written', async () => {
    writeFileSync(flat, stream().subarray(0, 4300));
    expect(await run(flat, out)).toMatch(/^1: .*Cannot /s);
  });
});

test('its log is extracted', async () => {
  writeFileSync(flat, flatten(readFileSync(kdump)));
  expect(await run('--dump-dmesg', flat, out)).toBe('0');
  expect(readFileSync(out, 'latin1')).toContain('a line of the log');
});

describe('standard input', () => {
  const program = (stdin: number | 'pipe', input?: Buffer) =>
    spawnSync(process.execPath, [PROGRAM, 'dump', '-z', '-', out], { stdio: [stdin, 'pipe', 'pipe'], input });

  test('that is a file is read', () => {
    const { status } = program(openSync(kdump, 'r'));
    expect(status).toBe(0);
    expect(openKdump(readFileSync(out)).header.status & 8).toBe(0);
  });

  test('that is a pipe is refused, with what to do', () => {
    const { status, stderr } = program('pipe', readFileSync(kdump));
    expect(status).toBe(2);
    expect(stderr.toString()).toMatch(
      /^Cannot read a vmcore from standard input: it is not a file; expected a file, which can be read at any offset\. Save it first/,
    );
  });
});
