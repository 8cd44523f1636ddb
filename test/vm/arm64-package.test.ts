/** The packages for arm64, built on this machine; their program runs in a root with nothing else, by QEMU's user emulation. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { fetchTool } from '../../build/fetch/tools.ts';
import { findCommand } from '../../build/host/host-packages.ts';
import { buildDeb } from '../../build/package/deb.ts';
import { buildRpm } from '../../build/package/rpm.ts';
import { partsFor } from '../../build/parts/choose.ts';
import { elfMachine } from '../../build/parts/needed-libraries.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { platformNamed } from '../../build/parts/platform.ts';
import { buildProgram, HOST_NODE_FLAGS } from '../../build/program.ts';
import { buildVmcore } from '../support/vmcore-builder.ts';

const cache = openCache(console.log);
const arm64 = platformNamed('arm64');
const HOME = '/usr/lib/kdumpling';
const EMULATOR = 'qemu-aarch64-static';

let parts: Parts;
let deb: string;
let root: string;
beforeAll(async () => {
  parts = await partsFor(cache, arm64.debian);
  await buildProgram(line => console.log(line), parts);
  deb = await buildDeb(parts, console.log);
  root = mkdtempSync(join(tmpdir(), 'kdumpling-arm64-'));
  execFileSync('dpkg-deb', ['--raw-extract', deb, root]);
  copyFileSync(findCommand(EMULATOR)!, join(root, EMULATOR));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** The command of /usr/sbin/kdumpling, which an emulated shell could not execute. */
function kdumpling(...args: string[]) {
  const runtime = `${HOME}/runtime`;
  const node = [
    `${runtime}${arm64.loader}`,
    '--library-path',
    `${runtime}/${arm64.libraries}`,
    `${runtime}/bin/node`,
  ];
  const argv = [root, `/${EMULATOR}`, ...node, ...HOST_NODE_FLAGS, `${HOME}/kdumpling.js`, ...args];
  const { status, stdout, stderr } = spawnSync('chroot', argv, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

test('the same build gives the same bytes', async () => {
  const first = digest(deb);
  expect(digest(await buildDeb(parts, console.log))).toBe(first);
});

test('both packages name the architecture', async () => {
  const field = execFileSync('dpkg-deb', ['--field', deb, 'Architecture'], { encoding: 'utf8' });
  expect([deb.split('_').at(-1), field.trim()]).toEqual(['arm64.deb', 'arm64']);
  const rpm = await buildRpm(parts, await fetchTool(cache, 'rpmbuild'), console.log);
  expect(rpm).toMatch(/\.aarch64\.rpm$/);
});

test('every program and library in it is of arm64', () => {
  const home = join(root, HOME);
  const files = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
  const elves = files.filter(path => readFileSync(path).subarray(0, 4).toString('latin1') === '\x7fELF');
  expect(elves.length).toBeGreaterThan(15);
  expect(elves.filter(path => elfMachine(readFileSync(path)) !== arm64.machine)).toEqual([]);
});

test('the wrapper calls what the package has', () => {
  const wrapper = readFileSync(join(root, 'usr/sbin/kdumpling'), 'utf8');
  expect(wrapper).toContain(`"$runtime${arm64.loader}" --library-path "$runtime/${arm64.libraries}"`);
});

test('the host command runs on the packaged runtime alone', () => {
  expect(kdumpling('--version')).toMatchObject({ status: 0, text: expect.stringMatching(/^kdumpling \d/) });
  expect(kdumpling('explode').status).toBe(2);
});

test('it finds its parts', () => {
  const target = ['--target', 'ext4 UUID=1', '--output', '/out'];
  const { text } = kdumpling('rebuild', '--kver', '1', '--modules', '/nowhere', ...target);
  // It got past the parts, and stopped at the modules.
  expect(text).toMatch(/Cannot read the kernel modules/);
});

test.each(['-z', '-l', '-p', '-c'])('a dump with %s has the bytes of one that this machine makes', codec => {
  const bytes = new Uint8Array(64 * 4096).map((_, at) => (at % 4096 < 100 ? at : 0));
  writeFileSync(join(root, 'vmcore'), buildVmcore({ loads: [{ paddr: 0x1000, bytes }] }));
  const argv = ['dump', codec, '-d', '1', '-f'];
  expect(kdumpling(...argv, '/vmcore', '/foreign')).toMatchObject({ status: 0 });
  const own = [
    join(import.meta.dirname, '../../scripts/kdumpling.ts'),
    ...argv,
    join(root, 'vmcore'),
    join(root, 'own'),
  ];
  expect(spawnSync(process.execPath, own, { encoding: 'utf8' })).toMatchObject({ status: 0 });
  expect(digest(join(root, 'foreign'))).toBe(digest(join(root, 'own')));
});
