/** Which libraries programs need, judged by the loader of this machine. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hostParts } from '../../../../build/parts/host-parts.ts';
import { elfMachine, neededLibraries } from '../../../../build/parts/needed-libraries.ts';
import { requireCommand, sharedLibraries } from '../../../../build/parts/parts.ts';
import { platformNamed } from '../../../../build/parts/platform.ts';

const parts = hostParts();
const programs = [parts.node, parts.koffi, requireCommand(parts, 'mke2fs'), requireCommand(parts, 'e2fsck')];

describe('the libraries of a program', () => {
  test.each(programs)('%s: as its own loader lists them, in the same order', file => {
    const listing = execFileSync(parts.loader, ['--list', file], { encoding: 'utf8' });
    const theirs = [...listing.matchAll(/^\s*(\S+) => (\/\S+) \(0x/gm)].map(([, name, path]) => [name, path]);
    expect(theirs.length).toBeGreaterThan(0);
    expect([...sharedLibraries(parts, file)]).toEqual(theirs);
  });

  test('a static program needs none', () => {
    expect(neededLibraries(readFileSync(requireCommand(parts, 'busybox')))).toEqual([]);
  });

  test('a library that is nowhere is named, with its user', () => {
    const empty = { ...parts, library: () => undefined };
    expect(() => sharedLibraries(empty, parts.node)).toThrow(/libraries of node: there is no lib/);
  });

  test('a program of this machine has its e_machine', () => {
    expect(elfMachine(readFileSync(parts.loader))).toBe(parts.platform.machine);
  });
});

test('a file that is damaged or no ELF is refused and does not run on', () => {
  const whole = readFileSync(requireCommand(parts, 'e2fsck'));
  expect(() => neededLibraries(Buffer.from('#!/bin/sh\n'))).toThrow(/64-bit little-endian ELF/);
  for (let length = 0; length < whole.length; length += 997) {
    try {
      expect(neededLibraries(whole.subarray(0, length))).toBeInstanceOf(Array);
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_ELF' });
    }
  }
});

test('platforms are found by Debian’s name and by Node’s; others are refused by name', () => {
  expect(platformNamed('amd64')).toBe(platformNamed('x64'));
  expect(platformNamed('arm64').loader).toBe('/lib/ld-linux-aarch64.so.1');
  expect(() => platformNamed('riscv64')).toThrow(/architecture riscv64; expected one of amd64, arm64/);
});
