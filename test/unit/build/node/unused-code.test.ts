/** Node without the code that captures do not use: what is left runs, and what is not there leads to the door. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functionsOf, type NodeCode, type NodeFunction } from '../../../../build/node/functions.ts';
import { PROFILED_PAGE_BYTES, profileOf } from '../../../../build/node/page-profile.ts';
import { cutUnusedCode } from '../../../../build/node/unused-code.ts';
import { NODE_BINARY } from '../../../../build/paths.ts';

const PAGE = PROFILED_PAGE_BYTES;

// There is a profile of Node for x86-64 alone, because other kernels have larger pages.
describe.runIf(process.arch === 'x64')('Node without unused code', () => {
  let directory: string;
  let whole: Buffer;
  let cut: Buffer;
  let code: NodeCode;
  let bytes: number;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kdumpling-unused-'));
    whole = readFileSync(NODE_BINARY);
    cut = Buffer.from(whole);
    code = functionsOf(whole);
    bytes = cutUnusedCode(cut, code, profileOf(NODE_BINARY)!.all, PAGE);
    writeFileSync(join(directory, 'node'), cut, { mode: 0o755 });
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** As the capture starts it: a program in a file, V8 with Maglev alone. */
  const run = (program: string) => {
    const file = join(directory, 'program.js');
    writeFileSync(file, program);
    writeFileSync(`${file}.thread.js`, 'console.log(require("os").EOL.length)');
    const { status, stdout, stderr } = spawnSync(join(directory, 'node'), ['--no-opt', file], {
      encoding: 'utf8',
    });
    return { status, said: stdout, failed: stderr };
  };
  /** busybox finds no /again.sh on this machine, and cannot say so: Node closes its output for the programs that it becomes. */
  const AT_THE_DOOR = { status: 2, said: '', failed: '' };

  test('lacks a good part of it', () => {
    expect(bytes).toBeGreaterThan(15e6);
    expect(bytes).toBeLessThan(30e6);
  });

  test('has each page that a capture was seen to touch as it was', () => {
    for (const { firstPage, pages } of profileOf(NODE_BINARY)!.all) {
      const [start, end] = [firstPage * PAGE, (firstPage + pages) * PAGE];
      expect(cut.subarray(start, end).equals(whole.subarray(start, end)), `page ${firstPage}`).toBe(true);
    }
  });

  test('each function is either as it was, or leads to the door', () => {
    const isCut = ({ at, bytes: length }: NodeFunction) =>
      !cut.subarray(at, at + length).equals(whole.subarray(at, at + length));
    const out = code.functions.filter(isCut);
    expect(out.length).toBeGreaterThan(40_000);
    const ends = out.map(({ at }) => endOfSlide(cut, at));
    const doors = new Set(ends.flatMap(at => jumpAt(cut, at) ?? []));
    expect(doors.size).toBe(1);
    const astray = out.filter((_, index) => {
      const end = ends[index]!;
      return jumpAt(cut, end) === undefined && !doors.has(code.addressOf(end));
    });
    expect(astray.map(({ name }) => name)).toEqual([]);
  });

  test('files, threads, digests and processes work', () => {
    const program = `
      const { Worker } = require('worker_threads');
      const { createHash } = require('crypto');
      const { execFileSync } = require('child_process');
      const digest = createHash('sha256').update(require('fs').readFileSync(__filename)).digest('hex').length;
      new Worker(__filename + '.thread.js').on('exit', code => console.log(code, digest, String(execFileSync('echo', ['yes']))));`;
    expect(run(program)).toEqual({ status: 0, said: '1\n0 64 yes\n\n', failed: '' });
  });

  test('V8 compiles hot code', () => {
    const program = `
      function sum(n) { let s = 0; for (let i = 0; i < n; i++) s = (s + i * 3) | 0; return s; }
      for (let i = 0; i < 3000; i++) sum(1000);
      console.log(sum(10));`;
    expect(run(program)).toEqual({ status: 0, said: '135\n', failed: '' });
  });

  test.each([
    ['Brotli', "require('zlib').brotliCompressSync('a')"],
    ['WebAssembly', "new WebAssembly.Module(Buffer.from('\\0asm\\x01\\0\\0\\0', 'latin1'))"],
    ['keys', "require('crypto').generateKeyPairSync('ec', { namedCurve: 'P-256' })"],
    ['SQLite', "new (require('node:sqlite').DatabaseSync)(':memory:')"],
    [
      'a thread that calls Brotli',
      `new (require('worker_threads').Worker)("require('zlib').brotliCompressSync('a')", { eval: true })`,
    ],
    ['a thread of libuv’s', "require('zlib').brotliCompress('a', () => {}); setTimeout(() => {}, 1e6)"],
  ])('%s leads to the door', (_, program) => expect(run(program)).toEqual(AT_THE_DOOR));
});

test('a binary without symbols is refused', () => {
  const stripped = readFileSync(NODE_BINARY);
  // The section's name, by which it is found.
  const name = stripped.lastIndexOf('\0.symtab\0') + 1;
  stripped.fill(0, name, name + '.symtab'.length);
  expect(() => functionsOf(stripped)).toThrow(/the binary has no section \.symtab/);
});

function endOfSlide(node: Buffer, start: number): number {
  let at = start;
  while (node[at] === 0x90) at += 1;
  return at;
}

/** The address that is jumped to from there; undefined where there is no jump. */
function jumpAt(node: Buffer, at: number): number | undefined {
  return node[at] === 0x68 && node[at + 5] === 0xc3 ? node.readUInt32LE(at + 1) : undefined;
}
