/** The Node of the image, without parts that no capture reaches: what is left works, and what is gone fails in JavaScript. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../../../build/bundle.ts';
import { cutCodeCaches } from '../../../../build/node/code-caches.ts';
import { cutNode, type NodeCuts } from '../../../../build/node/cuts.ts';
import { ignoreDeadlocks } from '../../../../build/node/deadlock-check.ts';
import { KOFFI_BINARY, NODE_BINARY, PROJECT } from '../../../../build/paths.ts';

let directory: string;
let node: string;
let cuts: NodeCuts;
let checksLess: boolean;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-cuts-'));
  node = join(directory, 'node');
  const bytes = readFileSync(NODE_BINARY);
  cuts = cutNode(bytes);
  checksLess = ignoreDeadlocks(bytes, readFileSync(NODE_BINARY));
  writeFileSync(node, bytes, { mode: 0o755 });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What is printed, or how it ended. */
function run(...argv: string[]): string {
  try {
    return execFileSync(node, argv, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { status, signal, stderr } = error as { status: number; signal: string; stderr: string };
    return `${status} ${signal} ${stderr}`;
  }
}

test('as much is cut as was measured', () => {
  expect(cuts.symbols).toBeGreaterThan(10_000);
  expect(cuts.unwindBytes).toBeGreaterThan(4e6);
  expect(cuts.typeStripperBytes).toBeGreaterThan(3e6);
  expect(cuts.codeCacheBytes).toBeGreaterThan(3e6);
});

/** In KiB. */
function anonymousOf(program: string): number {
  const words = [
    '-p',
    "/^RssAnon:\\s+(\\d+)/m.exec(require('fs').readFileSync('/proc/self/status', 'latin1'))[1]",
  ];
  return Number(execFileSync(program, words, { encoding: 'utf8' }));
}

test('Abseil’s graph of mutexes is not made', () => {
  expect(checksLess).toBe(true);
  expect(anonymousOf(NODE_BINARY) - anonymousOf(node)).toBeGreaterThan(800);
  expect(ignoreDeadlocks(readFileSync(node), readFileSync(NODE_BINARY))).toBe(false);
});

test('the addon of the FFI loads and calls a C function', () => {
  const program = `const koffi = require(${JSON.stringify(KOFFI_BINARY)});
    console.log(typeof koffi.load, process.version)`;
  expect(run('-e', program)).toBe(`function ${versionOf()}\n`);
});

function versionOf(): string {
  return execFileSync(NODE_BINARY, ['--version'], { encoding: 'utf8' }).trim();
}

test('the code cache of a program that the whole Node made is accepted', () => {
  const cache = join(directory, 'program.cache');
  const make = `const { Script } = require('vm');
    require('fs').writeFileSync('${cache}', new Script('(function () { return 7 })').createCachedData())`;
  execFileSync(NODE_BINARY, ['-e', make]);
  const read = `const script = new (require('vm').Script)('(function () { return 7 })', {
      cachedData: require('fs').readFileSync('${cache}'),
    });
    console.log(script.cachedDataRejected, script.runInThisContext()())`;
  expect(run('-e', read)).toBe('false 7\n');
});

test('an error of JavaScript, and one of a call into C++, are caught', () => {
  const tries = "[() => null.x, () => new TextDecoder('x-no')]";
  const program = `${tries}.map(f => { try { f() } catch (error) { return error.name } }).join()`;
  expect(run('-p', program)).toBe('TypeError,RangeError\n');
});

test('threads start and end', () =>
  expect(
    run(
      '-e',
      "const { Worker } = require('worker_threads'); new Worker('1', { eval: true }).on('exit', code => console.log('exit', code))",
    ),
  ).toBe('exit 0\n'));

test('each module of Node’s own is compiled from its source, for lack of a code cache', () => {
  const program = `const { builtinModules, createRequire } = require('module');
    const load = createRequire('/');
    console.log(builtinModules.filter(name => { load(name); return true }).length)`;
  const count = execFileSync(NODE_BINARY, ['-p', "require('module').builtinModules.length"], {
    encoding: 'utf8',
  });
  expect(run('--no-warnings', '-e', program)).toBe(count);
});

describe('what is gone is an error of JavaScript', () => {
  test('types are not stripped', () => {
    const file = join(directory, 'typed.ts');
    writeFileSync(file, 'const one: number = 1; console.log(one)');
    expect(run(file)).toMatch(/^1 null /);
  });
});

test('the capture program asks for nothing of that', async () => {
  const output = join(directory, 'capture.js');
  await bundle({ entry: join(PROJECT, 'capture/main.ts'), output, version: 'test' });
  expect(readFileSync(output, 'utf8')).not.toMatch(/stripTypeScriptTypes|require\("[^"]+\.ts"\)/);
});

describe('refused: a binary', () => {
  test('that is no ELF', () =>
    expect(() => cutNode(Buffer.from('MZ'))).toThrow(/the binary has no ELF-64 header/));
  test('without code caches', () =>
    expect(() => cutCodeCaches(Buffer.alloc(1 << 16, 'x'))).toThrow(/there are 0 places that look like one/));
  test('without a section', () => {
    const bytes = readFileSync(NODE_BINARY);
    bytes.write('.eh_nothing', bytes.lastIndexOf('.eh_frame_hdr'), 'latin1');
    expect(() => cutNode(bytes)).toThrow(/no section \.eh_frame/);
  });
});
