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
import { PROJECT } from '../../build/paths.ts';
import { buildProgram, HOST_NODE_FLAGS } from '../../build/program.ts';
import { openKdump } from '../support/kdump-reader.ts';
import { buildVmcore } from '../support/vmcore-builder.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';

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

/** The packaged Node, as the wrapper starts it. @param runtime where its folder is */
function nodeIn(runtime: string): string[] {
  const libraries = ['--library-path', `${runtime}/${arm64.libraries}`];
  return [`${runtime}${arm64.loader}`, ...libraries, `${runtime}/bin/node`];
}

/** The command of /usr/sbin/kdumpling, which an emulated shell could not execute. */
function kdumpling(...args: string[]) {
  const node = nodeIn(`${HOME}/runtime`);
  const argv = [root, `/${EMULATOR}`, ...node, ...HOST_NODE_FLAGS, `${HOME}/kdumpling.js`, ...args];
  const { status, stdout, stderr } = spawnSync('chroot', argv, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** e_machine of every ELF file below the folder, which are many. */
function machinesIn(folder: string): Set<number> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => readFileSync(join(entry.parentPath, entry.name)));
  const elves = files.filter(bytes => bytes.subarray(0, 4).toString('latin1') === '\x7fELF');
  expect(elves.length).toBeGreaterThan(15);
  return new Set(elves.map(elfMachine));
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
  expect(machinesIn(join(root, HOME))).toEqual(new Set([arm64.machine]));
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

/** Node of arm64, emulated: to the build this machine is one of arm64, and the tools that it starts are this machine's. */
const isFull = process.env[FULL_LAB_VARIABLE] !== undefined;
test.runIf(isFull)('a build for x86 on a machine of arm64 copies programs and libraries of x86 alone', () => {
  const script = join(PROJECT, 'test/support/plan-for.ts');
  const argv = [...nodeIn(join(parts.dist, 'runtime')), script, 'amd64'];
  const { stdout, stderr, status } = spawnSync(EMULATOR, argv, { encoding: 'utf8' });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const plan = JSON.parse(stdout) as Record<'builder' | 'dist' | 'strip', string> &
    Record<'copied' | 'files', string[]>;
  const amd64 = platformNamed('amd64');
  expect(plan.builder).toBe('arm64');
  expect(plan.dist).toMatch(/\/dist\/amd64$/);
  expect(plan.strip).toMatch(new RegExp(`/${amd64.crossBinutils.strip}$`));
  // V8 would reject a code cache that another architecture's Node made.
  expect(plan.files.filter(name => name.endsWith('.cache'))).toEqual([]);
  expect(plan.copied.length).toBeGreaterThan(15);
  expect(plan.copied.filter(path => elfMachine(readFileSync(path)) !== amd64.machine)).toEqual([]);
});

test.each(['-z', '-l', '-p', '-c'])('a dump with %s is one that this machine makes', codec => {
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
  if (codec !== '-c') return expect(digest(join(root, 'foreign'))).toBe(digest(join(root, 'own')));
  // igzip compresses otherwise on arm64.
  const pagesOf = (name: string) => {
    const { readPage } = openKdump(readFileSync(join(root, name)));
    return Array.from({ length: 64 }, (_, i) => readPage(1 + i));
  };
  expect(pagesOf('foreign')).toEqual(pagesOf('own'));
});
