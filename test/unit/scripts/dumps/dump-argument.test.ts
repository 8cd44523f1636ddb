/** Which argument is the dump: paths, IDs and names of dumps are, and tasks, addresses and symbols are not. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../../../scripts/lib/cli/command.ts';
import { onlyDump, splitArguments } from '../../../../scripts/lib/dumps/dump-argument.ts';
import { openHost } from '../../../../scripts/lib/host/host.ts';
import { crashedKernel } from '../../../support/crashed-kernel.ts';
import { hostWith } from '../../../support/host-root.ts';

let folder: string;
const before = process.cwd();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-arguments-'));
  mkdirSync(join(folder, 'crash'));
  mkdirSync(join(folder, 'kworker'));
  writeFileSync(join(folder, 'crash/vmcore'), crashedKernel().build());
  symlinkSync('crash/vmcore', join(folder, 'latest'));
  writeFileSync(join(folder, 'kworker/0:1'), 'of a test of workers');
  writeFileSync(join(folder, 'sh'), '#!/bin/sh\n');
  writeFileSync(join(folder, 'vmlinux-6.1'), '\x7fELF');
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

const split = (positionals: readonly string[], dump?: string, host = openHost()) =>
  splitArguments(host, { dump, positionals });

describe('among tasks, symbols and types', () => {
  test.each([
    ['/var/crash/x/vmcore'],
    ['./gone'],
    ['../x'],
    ['.'],
    ['crash'],
    ['crash/vmcore'],
    ['latest'],
    ['20261128T130217Z'],
    ['20261128T130217Z-2'],
    ['20261128'],
    ['20261128T13'],
    ['202611281302'],
    ['web7-202611281302'],
    ['127.0.0.1-2026-11-28-13:02:17'],
    ['2026-11-28-13:02'],
  ])('%s is the dump', word => {
    expect(split(['70', word, 'init'])).toEqual({ dump: word, words: ['70', 'init'] });
  });

  test.each([
    ['70'],
    ['4194304'],
    ['ffffffff81000000'],
    ['0xffffffff81000000'],
    ['1000'],
    ['sh'],
    ['kworker/0:1'],
    ['swapper/0'],
    ['schedule+0x19'],
    ['task_struct.real_parent'],
    ['gone/vmcore'],
  ])('%s is not', word => {
    expect(split([word])).toEqual({ dump: undefined, words: [word] });
  });

  test('with --dump, what only happens to be the name of a dump is none', () => {
    expect(split(['crash', '20261128'], 'a')).toEqual({ dump: 'a', words: ['crash', '20261128'] });
  });

  test('of another machine, a name in the working directory is none', () => {
    expect(split(['crash'], undefined, hostWith({})).dump).toBeUndefined();
  });

  test.each([
    [['/a', '/b'], undefined, 'Cannot choose the dump: 2 are given: /a, /b; expected one'],
    [['/b'], 'a', 'Cannot choose the dump: 2 are given: a, /b; expected one'],
    [
      ['vmlinux-6.1', 'crash/vmcore', 'sh'],
      undefined,
      'Cannot choose the dump: 2 are given: vmlinux-6.1, crash/vmcore; expected one. Leave out vmlinux: the dump is enough',
    ],
  ])('%j and --dump %s', (words, dump, message) => {
    expect(() => split(words, dump)).toThrow(UsageError);
    expect(() => split(words, dump)).toThrow(message);
  });
});

describe('alone', () => {
  test.each([
    [[], undefined, undefined],
    [['2026'], undefined, '2026'],
    [[], 'vmcore', 'vmcore'],
  ])('%j and --dump %s', (positionals, dump, only) => {
    expect(onlyDump({ positionals, dump })).toBe(only);
  });

  test('two are refused', () => {
    expect(() => onlyDump({ positionals: ['a'], dump: 'b' })).toThrow('2 are given: b, a; expected one');
  });
});
