import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHost } from '../../../../scripts/lib/host/host.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'host-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const COMMAND_LINE = '/etc/kernel/cmdline';

test('a file that only root may read stays so when it is written', () => {
  mkdirSync(join(root, 'etc/kernel'), { recursive: true });
  writeFileSync(join(root, COMMAND_LINE), 'root=/dev/vda1\n', { mode: 0o600 });
  openHost(root).write(COMMAND_LINE, 'root=/dev/vda1 crashkernel=256M\n');
  expect(statSync(join(root, COMMAND_LINE)).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(root, 'etc/kernel'))).toEqual(['cmdline']);
});

test('a link stays a link, and leads to a file of the same machine', () => {
  mkdirSync(join(root, 'etc'));
  symlinkSync('/usr/lib/kernel', join(root, 'etc/kernel'));
  openHost(root).write(COMMAND_LINE, 'quiet\n');
  expect(readlinkSync(join(root, 'etc/kernel'))).toBe('/usr/lib/kernel');
  expect(readFileSync(join(root, 'usr/lib/kernel/cmdline'), 'utf8')).toBe('quiet\n');
});
