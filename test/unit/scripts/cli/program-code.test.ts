import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CODEC_NAMES } from '../../../../capture/codecs/table.ts';
import type { OptionFacts } from '../../../../scripts/lib/cli/help.ts';
import {
  compileProgram,
  DUMP_PROGRAM_FILE,
  PROGRAM_FILE,
  PROGRAM_WRAPPER,
  programFor,
} from '../../../../scripts/lib/cli/program-code.ts';
import { DUMP_OPTIONS } from '../../../../scripts/lib/dump/arguments.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-program-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SOURCE = PROGRAM_WRAPPER.join("require('node:process').env.RAN = String(1 + 1);");

function run(path: string, source = SOURCE): { cached: boolean; createCache: () => Uint8Array } {
  delete process.env.RAN;
  const program = compileProgram(path, source);
  program.run(createRequire(import.meta.url));
  return program;
}

test('a program runs without a cache, with its own, and with one that is not its own', () => {
  const path = join(folder, 'program.js');
  const first = run(path);
  expect([first.cached, process.env.RAN]).toEqual([false, '2']);
  writeFileSync(`${path}.cache`, first.createCache());
  expect([run(path).cached, process.env.RAN]).toEqual([true, '2']);

  const longer = SOURCE.replace('1 + 1', '1 + 10');
  const other = SOURCE.replace('1 + 1', '1 + 2');
  expect([run(path, longer).cached, process.env.RAN]).toEqual([false, '11']);
  writeFileSync(`${path}.cache`, 'no cache at all');
  expect([run(path, other).cached, process.env.RAN]).toEqual([false, '3']);
});

test.each([
  [['/usr/lib/kdumpling/kdumpling', 'dump', '-l', 'a', 'b'], DUMP_PROGRAM_FILE],
  [['/usr/lib/kdumpling/kdumpling', 'show'], PROGRAM_FILE],
  [['/usr/lib/kdumpling/kdumpling'], PROGRAM_FILE],
  [['kdumpling', 'dump', '-d31', '-z', '-', 'out'], DUMP_PROGRAM_FILE],
  [['kdumpling', 'dump', '-d', '11,31', '--num-threads=2', '-f', 'a', 'b'], DUMP_PROGRAM_FILE],
  [['kdumpling', 'dump', '-lL5m', 'a', 'b'], PROGRAM_FILE],
  [['kdumpling', 'dump', '--', 'a', 'b'], PROGRAM_FILE],
  [['kdumpling', 'dump', '-h'], PROGRAM_FILE],
  // It has no such verb, and says so.
  [['/usr/lib/kdumpling/kdump_helper', 'dump'], PROGRAM_FILE],
])('%j is %s', (words, program) => {
  expect(programFor(['node', ...words])).toBe(program);
});

test('the program for plain dumps gets no flag that it knows nothing about', () => {
  const plain = Object.entries<OptionFacts>(DUMP_OPTIONS).filter(([name, { short }]) =>
    [`--${name}`, `--${name}=1`, ...(short ? [`-${short}`] : [])].some(
      flag => programFor(['node', 'kdumpling', 'dump', flag]) === DUMP_PROGRAM_FILE,
    ),
  );
  const names = [
    'dump-level',
    'num-threads',
    'message-level',
    'show-stats',
    'debug',
    'non-mmap',
    'force',
    'version',
  ];
  expect(plain.map(([name]) => name).sort()).toEqual([...names, ...CODEC_NAMES].sort());
});
