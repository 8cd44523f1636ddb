/** Which folder may import which: the direction of the data, kept by a test. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileCycles, folderCycles, importsOf, upwardImports } from '../support/import-graph.ts';

const PROJECT = join(import.meta.dirname, '../..');

interface Rule {
  /** Files, by the beginning of their path. The first rule that fits a file is its own. */
  readonly files: string;
  /** What they may import: our files by the beginning of their path, Node's modules and packages by name. */
  readonly may: readonly string[];
}

const PURE = ['capture/errors.ts', 'capture/text.ts', 'node:buffer'];

const RULES: readonly Rule[] = [
  // The one file of the vmcore core that touches the system.
  {
    files: 'capture/vmcore/reader.ts',
    may: ['capture/errors.ts', 'capture/vmcore/', 'capture/ffi/', 'node:fs'],
  },
  { files: 'capture/vmcore/', may: [...PURE, 'capture/vmcore/'] },
  { files: 'capture/kernel/', may: [...PURE, 'capture/vmcore/', 'capture/kernel/'] },
  // Its picture of memory classifies pages as the filter does.
  {
    files: 'capture/autopsy/summary/',
    may: [...PURE, 'capture/vmcore/', 'capture/kernel/', 'capture/filter/', 'capture/autopsy/'],
  },
  { files: 'capture/autopsy/', may: [...PURE, 'capture/vmcore/', 'capture/kernel/', 'capture/autopsy/'] },
  { files: 'capture/filter/', may: [...PURE, 'capture/vmcore/', 'capture/kernel/', 'capture/filter/'] },
  { files: 'capture/codecs/', may: [...PURE, 'capture/ffi/', 'capture/codecs/', 'node:zlib'] },
  {
    files: 'capture/kdump/',
    may: [
      ...PURE,
      'capture/codecs/codec.ts',
      'capture/vmcore/',
      'capture/kernel/',
      'capture/filter/',
      'capture/kdump/',
      'node:crypto',
      'node:zlib',
    ],
  },
  {
    files: 'capture/elf/',
    may: [...PURE, 'capture/vmcore/', 'capture/filter/', 'capture/kdump/', 'capture/elf/'],
  },
  {
    files: 'capture/triage/',
    may: [
      ...PURE,
      'capture/vmcore/',
      'capture/kernel/',
      'capture/filter/',
      'capture/autopsy/',
      'capture/kdump/write/',
      'capture/triage/',
    ],
  },
  { files: 'capture/ffi/', may: ['capture/errors.ts', 'capture/ffi/', 'koffi', 'node:'] },
  { files: 'capture/options/', may: [...PURE, 'capture/codecs/table.ts', 'capture/options/'] },
  {
    files: 'capture/init/',
    may: [
      'capture/errors.ts',
      'capture/options/',
      'capture/log.ts',
      'capture/ffi/',
      'capture/init/',
      'node:',
    ],
  },
  {
    files: 'capture/storage/',
    may: [
      'capture/errors.ts',
      'capture/text.ts',
      'capture/options/',
      'capture/init/system.ts',
      'capture/kdump/',
      'capture/storage/',
      'capture/vmcore/source.ts',
      'capture/vmcore/reader.ts',
      'node:',
    ],
  },
  { files: 'capture/', may: ['capture/', 'node:'] },
  {
    files: 'initrd/',
    may: [
      'capture/errors.ts',
      'capture/options/',
      'capture/storage/place/durable-file.ts',
      'initrd/',
      'node:',
    ],
  },
  // The one place that speaks to a network.
  { files: 'scripts/lib/upload/', may: ['capture/errors.ts', 'scripts/lib/', 'node-fetch', 'node:'] },
  // The one schema, of manifest.json: the capture's bundle has no room for a schema library.
  { files: 'scripts/lib/dumps/', may: ['capture/', 'scripts/lib/', 'valibot', 'node:'] },
  { files: 'scripts/lib/', may: ['capture/', 'initrd/', 'scripts/lib/', 'node:'] },
  { files: 'scripts/', may: ['capture/', 'initrd/', 'scripts/', 'node:'] },
  {
    files: 'build/',
    may: ['capture/', 'initrd/', 'scripts/lib/', 'scripts/verb-table.ts', 'build/', 'esbuild', 'zx', 'node:'],
  },
  { files: 'qemu/', may: ['capture/', 'initrd/', 'scripts/', 'build/', 'qemu/', 'zx', 'node:'] },
];

/** The top-level folders, the lowest first. */
const FLOORS = ['capture', 'initrd', 'scripts', 'build', 'qemu', 'test'];

const everything = globSync(`{${FLOORS.join(',')}}/**/*.ts`, { cwd: PROJECT }).sort();
const sources = everything.filter(file => !file.startsWith('test/'));
const graph = new Map(everything.map(file => [file, importsOf(file, read(file))]));

describe('imports', () => {
  test('there are files to look at', () => expect(sources.length).toBeGreaterThan(50));

  test.each(sources)('%s', file => {
    const rule = RULES.find(({ files }) => file.startsWith(files))!;
    const forbidden = graph
      .get(file)!
      .filter(target => !rule.may.some(allowed => target.startsWith(allowed)));
    expect(forbidden).toEqual([]);
  });
});

describe('the whole house', () => {
  test('no circle of files', () => expect(fileCycles(graph)).toEqual([]));
  test('no circle of folders, at any level', () => expect(folderCycles(graph)).toEqual([]));
  test('no import of a higher floor', () => expect(upwardImports(graph, FLOORS)).toEqual([]));
});

test('only capture/ffi names the FFI, and only main.ts, pid1.ts end the process', () => {
  const naming = (pattern: RegExp) =>
    sources.filter(file => file.startsWith('capture/') && pattern.test(read(file)));
  expect(naming(/from 'koffi'/).every(file => file.startsWith('capture/ffi/'))).toBe(true);
  expect(naming(/process\.exit\(/)).toEqual(['capture/pid1.ts']);
});

test('the capture has no network, and of the host command only uploads have', () => {
  const NETWORK = /^(node-fetch|node:(http|http2|https|net|tls|dgram|dns))$/;
  const users = sources.filter(file => graph.get(file)!.some(name => NETWORK.test(name)));
  const ours = users.filter(file => !/^(qemu|build)\//.test(file));
  expect(ours.length).toBeGreaterThan(2);
  expect(ours.filter(file => !file.startsWith('scripts/lib/upload/'))).toEqual([]);
});

function read(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8');
}
