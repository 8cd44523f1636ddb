/** Which folder may import which: the direction of the data, kept by a test. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');

interface Rule {
  /** Files, by the beginning of their path. The first rule that fits a file is its own. */
  readonly files: string;
  /** What they may import: our files by the beginning of their path, Node's modules and packages by name. */
  readonly may: readonly string[];
}

const PURE = ['capture/errors.ts', 'node:buffer'];

const RULES: readonly Rule[] = [
  // The one file of the vmcore core that touches the system.
  {
    files: 'capture/vmcore/reader.ts',
    may: ['capture/errors.ts', 'capture/vmcore/', 'capture/ffi/', 'node:fs'],
  },
  { files: 'capture/vmcore/', may: [...PURE, 'capture/vmcore/'] },
  { files: 'capture/kernel/', may: [...PURE, 'capture/vmcore/', 'capture/kernel/'] },
  { files: 'capture/filter/', may: [...PURE, 'capture/vmcore/', 'capture/kernel/', 'capture/filter/'] },
  {
    files: 'capture/kdump/',
    may: [...PURE, 'capture/vmcore/', 'capture/filter/', 'capture/kdump/', 'node:crypto', 'node:zlib'],
  },
  { files: 'capture/ffi/', may: ['capture/errors.ts', 'capture/ffi/', 'capture/kdump/', 'koffi', 'node:'] },
  {
    files: 'capture/init/',
    may: [
      'capture/errors.ts',
      'capture/options.ts',
      'capture/log.ts',
      'capture/ffi/',
      'capture/init/',
      'node:',
    ],
  },
  {
    files: 'capture/target/',
    may: [
      'capture/errors.ts',
      'capture/init/system.ts',
      'capture/kdump/',
      'capture/target/',
      'capture/vmcore/source.ts',
      'capture/vmcore/reader.ts',
      'node:',
    ],
  },
  { files: 'capture/', may: ['capture/', 'node:'] },
  {
    files: 'initrd/',
    may: ['capture/errors.ts', 'capture/options.ts', 'capture/target/target-spec.ts', 'initrd/', 'node:'],
  },
  { files: 'build/', may: ['capture/', 'initrd/', 'build/', 'scripts/', 'qemu/', 'esbuild', 'zx', 'node:'] },
  // The one place that speaks to a network.
  { files: 'scripts/upload/', may: ['capture/errors.ts', 'scripts/', 'node-fetch', 'node:'] },
  { files: 'scripts/', may: ['capture/', 'initrd/', 'scripts/', 'zx', 'node:'] },
  { files: 'qemu/', may: ['capture/', 'initrd/', 'build/', 'scripts/', 'qemu/', 'zx', 'node:'] },
];

const sources = globSync('{capture,initrd,build,scripts,qemu}/**/*.ts', { cwd: PROJECT }).sort();

describe('imports', () => {
  test('there are files to look at', () => expect(sources.length).toBeGreaterThan(50));

  test.each(sources)('%s', file => {
    const rule = RULES.find(({ files }) => file.startsWith(files))!;
    const forbidden = importsOf(file).filter(target => !rule.may.some(allowed => target.startsWith(allowed)));
    expect(forbidden).toEqual([]);
  });
});

test('only capture/ffi names the FFI, and only main.ts, pid1.ts end the process', () => {
  const naming = (pattern: RegExp) =>
    sources.filter(file => file.startsWith('capture/') && pattern.test(read(file)));
  expect(naming(/from 'koffi'/).every(file => file.startsWith('capture/ffi/'))).toBe(true);
  expect(naming(/process\.exit\(/)).toEqual(['capture/pid1.ts']);
});

test('the capture has no network, and of the host command only uploads have', () => {
  const NETWORK = /^(node-fetch|node:(http|http2|https|net|tls|dgram|dns))$/;
  const users = sources.filter(file => importsOf(file).some(name => NETWORK.test(name)));
  const ours = users.filter(file => !/^(qemu|build)\//.test(file));
  expect(ours.length).toBeGreaterThan(2);
  expect(ours.filter(file => !file.startsWith('scripts/upload/'))).toEqual([]);
});

function importsOf(file: string): string[] {
  const specifiers = [...read(file).matchAll(/(?:from |import |import\()'([^']+)'/g)].map(match => match[1]);
  return specifiers.map(name => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name));
}

function read(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8');
}
