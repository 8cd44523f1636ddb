/** The package for Fedora: the same each time, installed into a root and taken out again by rpm. Not on a Fedora. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { fetchTool, type Tool } from '../../build/fetch/tools.ts';
import { findCommand } from '../../build/host/host-packages.ts';
import { buildRpm } from '../../build/package/rpm.ts';
import { hostParts } from '../../build/parts/host-parts.ts';
import { DIST, PROJECT } from '../../build/paths.ts';
import { buildProgram } from '../../build/program.ts';

let tool: Tool;
let file: string;
let root: string;
beforeAll(async () => {
  tool = await fetchTool(openCache(), 'rpmbuild');
  await buildProgram(line => console.log(line));
  file = await buildRpm(hostParts(), tool, console.log);
  root = mkdtempSync(join(tmpdir(), 'kdumpling-rpm-'));
  // What the scriptlets ask of a machine: a shell and its commands.
  for (const folder of ['bin', 'dev', 'var/crash', 'boot'])
    mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(join(DIST, 'busybox'), join(root, 'bin/busybox'));
  for (const name of ['sh', 'rm', 'rmdir']) symlinkSync('busybox', join(root, 'bin', name));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function run(argv: readonly string[]) {
  const [command, ...args] = argv;
  const { status, stdout, stderr } = spawnSync(command!, args, {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...tool.env },
  });
  return { status, text: stdout + stderr };
}

const rpm = (...args: string[]) => run([...tool.argv.slice(0, -1), join(tool.root, 'usr/bin/rpm'), ...args]);
const inside = (...argv: string[]) => run(['chroot', root, ...argv]);

/** But folders, which other packages of a Fedora have. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => !entry.isDirectory());
  return files.map(entry => relative(folder, join(entry.parentPath, entry.name)));
}

test('same dist/, same bytes', async () => {
  const digest = () => createHash('sha256').update(readFileSync(file)).digest('hex');
  const first = digest();
  await buildRpm(hostParts(), tool, console.log);
  expect(digest()).toBe(first);
});

test('it asks for xz and for no library, gives none, and is not beside kdump-utils', () => {
  const asks = rpm('-qp', '--nosignature', '--requires', file).text.split('\n');
  expect(asks.filter(line => /^[^(]*$/.test(line) && !/^rpm: |^$/.test(line))).toEqual([
    '/bin/sh',
    '/bin/sh',
    '/bin/sh',
    'xz',
  ]);
  expect(rpm('-qp', '--nosignature', '--conflicts', file).text).toContain('kdump-utils');
  expect(rpm('-qp', '--nosignature', '--provides', file).text).not.toMatch(/\.so/);
});

test.skipIf(!findCommand('rpmlint'))(
  'rpmlint finds nothing, but for what fedora/rpmlint.toml explains',
  () => {
    // It calls rpm, which this machine need not have.
    const folder = mkdtempSync(join(tmpdir(), 'kdumpling-rpmlint-'));
    const words = [...tool.argv.slice(0, -1), join(tool.root, 'usr/bin/rpm')].map(word => `'${word}'`);
    writeFileSync(join(folder, 'rpm'), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
    const { stdout } = spawnSync(
      'rpmlint',
      ['-c', join(PROJECT, 'build/package/fedora/rpmlint.toml'), file],
      {
        encoding: 'utf8',
        env: { ...process.env, ...tool.env, PATH: `${folder}:${process.env.PATH}` },
      },
    );
    rmSync(folder, { recursive: true });
    expect(stdout.split('\n').filter(line => /^kdumpling\./.test(line))).toEqual([]);
    expect(stdout).toContain('0 errors, 0 warnings');
  },
);

test('installed it runs on its own runtime; taken out it leaves an edited kdump.conf and nothing else', () => {
  const before = filesIn(root);
  expect(rpm('--root', root, '--nodeps', '-i', file)).toMatchObject({ status: 0 });
  expect(rpm('--root', root, '-V', '--nodeps', 'kdumpling')).toMatchObject({ status: 0 });
  expect(inside('/usr/sbin/kdumpling', 'help')).toMatchObject({
    status: 0,
    text: expect.stringContaining('usage: kdumpling'),
  });
  expect(inside('/usr/sbin/kdump_helper', 'help').status).toBe(0);

  const plugin = '/usr/lib/kernel/install.d/95-kdumpling.install';
  writeFileSync(join(root, 'boot/initramfs-6.5.6kdump.img'), '');
  expect(inside(plugin, 'add', '6.5.6', '/boot/x/6.5.6', '/lib/modules/6.5.6/vmlinuz')).toEqual({
    status: 0,
    text: 'kdump is not enabled: nothing was built\n',
  });
  expect(inside(plugin, 'remove', '6.5.6', '/boot/x/6.5.6')).toEqual({ status: 0, text: '' });
  expect(existsSync(join(root, 'boot/initramfs-6.5.6kdump.img'))).toBe(false);

  appendFileSync(join(root, 'etc/kdump.conf'), '# mine\n');
  expect(rpm('--root', root, '-e', 'kdumpling')).toMatchObject({ status: 0 });
  const left = filesIn(root).filter(path => !before.includes(path) && !path.startsWith('root/.rpmdb/'));
  expect(left).toEqual(['etc/kdump.conf.rpmsave']);
  expect(existsSync(join(root, 'usr/lib/kdumpling'))).toBe(false);
});
