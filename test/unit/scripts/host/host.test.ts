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
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

describe('what a link in the root leads to is in the root', () => {
  beforeEach(() => {
    mkdirSync(join(root, 'etc'));
    mkdirSync(join(root, 'usr/lib/os'), { recursive: true });
    writeFileSync(join(root, 'usr/lib/os/release'), 'of the image\n');
  });
  const link = (to: string, at = 'etc/link') => symlinkSync(to, join(root, at));

  test.each([
    ['absolute', '/usr/lib/os/release', '/etc/link'],
    ['relative', '../usr/lib/os/release', '/etc/link'],
    ['.. beyond the root', '../../../../../../../../usr/lib/os/release', '/etc/link'],
    ['absolute, with .. beyond the root', '/../../usr/lib/os/release', '/etc/link'],
    ['to a directory', '/usr/lib/os', '/etc/link/release'],
    ['.. behind a link to a directory', '/usr/lib/os', '/etc/link/../os/release'],
    ['none, but .. beyond the root', '/', '/../../../usr/lib/os/release'],
  ])('%s', (_, to, path) => {
    link(to);
    const host = openHost(root);
    expect(host.read(path)).toBe('of the image\n');
    expect(host.readBytes(path)?.length).toBe(13);
    expect(host.sizeBytes(path)).toBe(13);
    expect(host.exists(path)).toBe(true);
    expect(host.resolve(path)).toBe('/usr/lib/os/release');
    expect(host.path(path)).toBe(join(root, 'usr/lib/os/release'));
  });

  // Each of them exists on the machine that runs this.
  test.each(['/etc/passwd', '/etc', '/usr/bin/env', '/proc/self/status', `${'../'.repeat(12)}etc/passwd`])(
    'what %s is outside is not seen',
    to => {
      link(to);
      const host = openHost(root);
      rmSync(join(root, 'usr'), { recursive: true });
      expect(host.read('/etc/link')).toBeUndefined();
      expect(host.list('/etc/link')).toEqual(to === '/etc' ? ['link'] : []);
      expect(host.exists('/etc/link')).toBe(to === '/etc');
      expect(host.read('/etc/link/passwd')).toBeUndefined();
    },
  );

  test('a directory is listed, and a command found, through an absolute link', () => {
    mkdirSync(join(root, 'usr/bin'));
    writeFileSync(join(root, 'usr/bin/tool'), '', { mode: 0o755 });
    link('/usr/bin', 'bin');
    const host = openHost(root);
    expect(host.list('/bin')).toEqual(['tool']);
    rmSync(join(root, 'usr/bin'), { recursive: true });
    mkdirSync(join(root, 'usr/sbin'));
    writeFileSync(join(root, 'usr/sbin/tool'), '', { mode: 0o755 });
    link('/usr/sbin', 'sbin');
    expect(host.command('tool')).toBe('/usr/sbin/tool');
    expect(host.command('env')).toBeUndefined();
  });

  test('files are written below the root, and a link itself is removed', () => {
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    link(outside, 'etc/away');
    const host = openHost(root);
    host.write('/etc/away/file', 'x');
    expect(readdirSync(outside)).toEqual([]);
    expect(readFileSync(join(root, outside, 'file'), 'utf8')).toBe('x');
    host.remove('/etc/away');
    expect(readdirSync(join(root, 'etc'))).toEqual([]);
    expect(readFileSync(join(root, outside, 'file'), 'utf8')).toBe('x');
    rmSync(outside, { recursive: true });
  });

  test('a circle of links is nothing', () => {
    link('/etc/other', 'etc/one');
    link('/etc/one', 'etc/other');
    const host = openHost(root);
    expect(host.exists('/etc/one')).toBe(false);
    expect(host.read('/etc/one')).toBeUndefined();
    expect(host.list('/etc/one')).toEqual([]);
    expect(host.freeBytes('/etc/one')).toBeUndefined();
    expect(host.resolve('/etc/one')).toBeUndefined();
  });

  test('an entry is the link itself', () => {
    link('/usr/lib/os/release');
    expect(openHost(root).entry('/etc/link')).toBe(join(root, 'etc/link'));
  });
});
