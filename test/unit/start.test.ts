/** Programs that begin with V8's code cache: those of the crash kernel, as start.js begins them, and any other. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundle } from '../../build/bundle.ts';
import { bundleWithCache } from '../../build/cached-program.ts';
import { NODE_BINARY, PROJECT } from '../../build/paths.ts';
import { codeCacheOf, compileProgram, PROGRAM_WRAPPER } from '../../capture/program-code.ts';
import { AUTOPSY_FLAGS } from '../../capture/scene/child.ts';
import { CACHED_CAPTURE_FLAGS, NODE_FLAGS } from '../../initrd/image.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-program-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SOURCE = PROGRAM_WRAPPER.join("require('node:process').env.RAN = String(1 + 1);");

function run(path: string, source = SOURCE): { cached: boolean; createCache: () => Uint8Array } {
  delete process.env.RAN;
  writeFileSync(path, source);
  const program = compileProgram(path);
  program.run(createRequire(import.meta.url));
  return program;
}

test('a program runs without a cache, with its own, and with one that is not its own', () => {
  const path = join(folder, 'program.js');
  const first = run(path);
  expect([first.cached, process.env.RAN]).toEqual([false, '2']);
  writeFileSync(codeCacheOf(path), first.createCache());
  expect([run(path).cached, process.env.RAN]).toEqual([true, '2']);

  const longer = SOURCE.replace('1 + 1', '1 + 10');
  const other = SOURCE.replace('1 + 1', '1 + 2');
  expect([run(path, longer).cached, process.env.RAN]).toEqual([false, '11']);
  writeFileSync(codeCacheOf(path), 'no cache at all');
  expect([run(path, other).cached, process.env.RAN]).toEqual([false, '3']);
});

const NATIVE = { node: NODE_BINARY, isNative: true };
const PROGRAM = `
  import { basename } from 'node:path';
  function here() { return /program\\.js:\\d+/.exec(new Error().stack ?? '')?.[0]; }
  console.log(JSON.stringify([...process.argv.slice(1).map(word => basename(word)), here()]));`;

async function buildIn(parts: typeof NATIVE, flags: readonly string[]) {
  const [entry, output, start] = ['entry.ts', 'program.js', 'start.js'].map(name => join(folder, name));
  writeFileSync(entry!, PROGRAM);
  await bundle({ entry: join(PROJECT, 'capture/start.ts'), output: start!, version: 'test' });
  await bundleWithCache(parts, { entry: entry!, output: output!, version: 'test', flags });
  return { output: output!, start: start! };
}

/** What the program prints of its arguments and of its place in a stack. */
function started(flags: readonly string[], start: string, output: string): unknown {
  return JSON.parse(execFileSync(NODE_BINARY, [...flags, start, output, 'a', '--b'], { encoding: 'utf8' }));
}

function isAccepted(flags: readonly string[], output: string): boolean {
  const ask = `const { readFileSync } = require('node:fs');
    const cachedData = readFileSync(${JSON.stringify(codeCacheOf(output))});
    const source = readFileSync(${JSON.stringify(output)}, 'latin1');
    console.log(new (require('node:vm').Script)(source, { cachedData }).cachedDataRejected === false)`;
  return execFileSync(NODE_BINARY, [...flags, '-e', ask], { encoding: 'utf8' }) === 'true\n';
}

const AS_IF_ALONE = ['program.js', 'a', '--b', expect.stringMatching(/^program\.js:\d+$/)];

test.each([
  ['the capture', CACHED_CAPTURE_FLAGS],
  ['its autopsy', AUTOPSY_FLAGS],
] as const)('%s begins with the cache of its build, whose bytes are the same each time', async (_, flags) => {
  const { output, start } = await buildIn(NATIVE, flags);
  expect(isAccepted(flags, output)).toBe(true);
  const bytes = readFileSync(codeCacheOf(output));
  expect(started(flags, start, output)).toEqual(AS_IF_ALONE);
  // It is in memory no longer than it takes to read it, and the next start does without.
  expect(existsSync(codeCacheOf(output))).toBe(false);
  expect(started(flags, start, output)).toEqual(AS_IF_ALONE);
  await buildIn(NATIVE, flags);
  expect(readFileSync(codeCacheOf(output)).equals(bytes)).toBe(true);
});

/** Many hot functions: other threads are at work on some when it ends. */
const BUSY_PROGRAM = `
  ${Array.from({ length: 200 }, (_, i) => `function f${i}(n) { let s = ${i}; while (n-- > 0) s += n * s; return s; }`).join('\n')}
  const all = [${Array.from({ length: 200 }, (_, i) => `f${i}`).join()}];
  for (let turn = 0; turn < 20; turn++) for (const one of all) one(400);
  process.env.RESULT = String(all.length);`;

test('the cache of what a program calls has the same bytes each time, in any folder', async () => {
  const entry = join(folder, 'busy.ts');
  writeFileSync(entry, BUSY_PROGRAM);
  const built: Buffer[] = [];
  for (const name of ['a', 'a', 'a', 'a', 'of-another-length']) {
    const output = join(folder, name, 'busy-program.js');
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(join(folder, name, 'package.json'), '{ "type": "commonjs" }');
    await bundleWithCache(NATIVE, { entry, output, version: 'test', run: ['word'] });
    expect(isAccepted([], output)).toBe(true);
    built.push(readFileSync(codeCacheOf(output)));
  }
  expect(built.map(bytes => bytes.equals(built[0]!))).toEqual(built.map(() => true));
});

test('with a cache that V8 rejects, and without one, a program runs all the same', async () => {
  const { output, start } = await buildIn(NATIVE, CACHED_CAPTURE_FLAGS);
  // Those of a crash with much memory.
  expect(isAccepted(NODE_FLAGS, output)).toBe(false);
  const bytes = readFileSync(codeCacheOf(output));
  expect(started(NODE_FLAGS, start, output)).toEqual(AS_IF_ALONE);
  // As another version of V8 has it.
  bytes.writeUInt32LE(bytes.readUInt32LE(4) + 1, 4);
  for (const other of [bytes, Buffer.alloc(0), bytes.subarray(0, bytes.length / 2)]) {
    writeFileSync(codeCacheOf(output), other);
    expect(isAccepted(CACHED_CAPTURE_FLAGS, output)).toBe(false);
    expect(started(CACHED_CAPTURE_FLAGS, start, output)).toEqual(AS_IF_ALONE);
  }
  await buildIn({ ...NATIVE, isNative: false }, CACHED_CAPTURE_FLAGS);
  expect(existsSync(codeCacheOf(output))).toBe(false);
  expect(started(CACHED_CAPTURE_FLAGS, start, output)).toEqual(AS_IF_ALONE);
});
