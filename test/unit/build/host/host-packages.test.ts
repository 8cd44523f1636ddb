import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  explainAptFailure,
  findCommand,
  HOST_PACKAGES,
  type HostFolders,
  isStaticExecutable,
  missingPackages,
} from '../../../../build/host/host-packages.ts';

let root: string;
let folders: HostFolders;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'host-test-'));
  folders = { commands: [join(root, 'bin'), join(root, 'sbin')], libraries: [join(root, 'lib')] };
  for (const folder of [...folders.commands, ...folders.libraries]) mkdirSync(folder);
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content: string | Buffer = '', mode = 0o755): string {
  writeFileSync(join(root, path), content);
  chmodSync(join(root, path), mode);
  return join(root, path);
}

/** An ELF header with one program header of this type. */
function elf(programHeaderType: number): Buffer {
  const file = Buffer.alloc(64 + 56);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(programHeaderType, 64);
  return file;
}
const [PT_LOAD, PT_INTERP] = [1, 3];

it('finds every package missing on an empty host', () => {
  expect(missingPackages(HOST_PACKAGES, folders)).toEqual(HOST_PACKAGES);
});

it('asks for what is not there and for nothing else', () => {
  put('bin/strip');
  put('sbin/mke2fs');
  put('bin/file', '', 0o644);
  put('lib/libzstd.so.1', '', 0o644);
  put('bin/busybox', elf(PT_INTERP));
  const missing = missingPackages(HOST_PACKAGES, folders).map(({ name }) => name);
  expect(missing).not.toContain('binutils');
  expect(missing).not.toContain('e2fsprogs');
  expect(missing).not.toContain('libzstd1');
  expect(missing).toContain('file');
  expect(missing).toContain('busybox-static');
  put('sbin/busybox', elf(PT_LOAD));
  expect(missingPackages(HOST_PACKAGES, folders).map(({ name }) => name)).not.toContain('busybox-static');
});

it('finds a command in the first folder that has it', () => {
  expect(findCommand('depmod', folders)).toBeUndefined();
  const path = put('sbin/depmod');
  expect(findCommand('depmod', folders)).toBe(path);
});

it.each([
  ['a static executable', elf(PT_LOAD), true],
  ['a dynamic one', elf(PT_INTERP), false],
  ['a script', '#!/bin/sh\n', false],
  ['nothing', '', false],
  ['a header cut short', elf(PT_LOAD).subarray(0, 40), false],
  ['program headers past the end', elf(PT_LOAD).subarray(0, 66), false],
])('%s', (_, content, expected) => {
  expect(isStaticExecutable(put('bin/busybox', content))).toBe(expected);
});

it.each([
  ["W: Temporary failure resolving 'mirror.example'", 'no network (cannot resolve mirror.example)'],
  ['Could not connect to 10.0.0.1:80 (10.0.0.1).', 'no network (cannot reach 10.0.0.1:80)'],
  ['E: Unable to locate package busybox-static', 'this release has no package busybox-static'],
  [
    'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by 12',
    'another apt holds /var/lib/dpkg/lock-frontend',
  ],
  ['E: Unmet dependencies', 'Unmet dependencies'],
  ['', undefined],
])('%s', (output, reason) => {
  expect(explainAptFailure(output)).toBe(reason);
});
