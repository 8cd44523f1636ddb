/** `kdumpling rebuild` as a host runs it: the built command, on the kernel tree of another machine. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DIST } from '../../build/paths.ts';
import type { Lab } from '../../qemu/lab/lab.ts';
import { archivesOf } from '../support/image.ts';
import { openTestLab } from './lab.ts';

let lab: Lab;
let directory: string;
beforeAll(async () => {
  lab = await openTestLab();
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-rebuild-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function kdumpling(...args: string[]) {
  return spawnSync(process.execPath, [join(DIST, 'kdumpling.js'), ...args], { encoding: 'utf8' });
}

function rebuild(output: string, ...more: string[]) {
  return kdumpling(...rebuildWords(output), ...more);
}

function rebuildWords(output: string): string[] {
  const { release, modulesDir } = lab.kernel;
  const target = 'ext4 UUID=00112233-4455-6677-8899-aabbccddeeff';
  return ['rebuild', '--kver', release, '--modules', modulesDir, '--target', target, '--output', output];
}

test('the same input gives the same bytes, and everything that is needed is in the image', () => {
  const [first, second] = ['a.img', 'b.img'].map(name => join(directory, name));
  const { status, stdout } = rebuild(first);
  expect({ status, stdout }).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('load it: kexec -s -p'),
  });
  expect(rebuild(second).status).toBe(0);
  expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
  // busybox reads one archive.
  const files = archivesOf(readFileSync(first)).flatMap(input =>
    execFileSync('busybox', ['cpio', '-t'], { input, encoding: 'utf8' }).split('\n'),
  );
  expect(files).toEqual(
    expect.arrayContaining([
      'init',
      'bin/busybox',
      'capture.js',
      'koffi.node',
      'runtime.squashfs',
      'etc/kdumpling.json',
      'dev/console',
      'modules/loop.ko',
      'modules/squashfs.ko',
      'modules/virtio_blk.ko',
      'modules/virtio_scsi.ko',
      'modules/sd_mod.ko',
    ]),
  );
});

test('three at once write the same image, and leave nothing else behind', async () => {
  const output = join(directory, 'three', 'image');
  mkdirSync(dirname(output));
  const argv = [join(DIST, 'kdumpling.js'), ...rebuildWords(output)];
  const exitCodes = await Promise.all(
    [1, 2, 3].map(async () => {
      const [code] = await once(spawn(process.execPath, argv, { stdio: 'ignore' }), 'exit');
      return code;
    }),
  );
  expect(exitCodes).toEqual([0, 0, 0]);
  expect(readdirSync(dirname(output))).toEqual(['image']);
  expect(readFileSync(output).equals(readFileSync(join(directory, 'a.img')))).toBe(true);
});

test.each([
  [
    ['--drivers', 'no_such_driver'],
    1,
    /Cannot include the module no_such_driver: this kernel has none of that name/,
  ],
  [
    ['--layout', 'roomy'],
    2,
    /Cannot use --layout: its value is "roomy"; expected one of self-contained, lean/,
  ],
  [['--target', '/dev/vda'], 2, /Cannot use --target: its value is "\/dev\/vda"; expected 'FSTYPE DEVICE'/],
  [['--target', 'ntfs UUID=1'], 1, /Cannot write dumps to ntfs/],
  [['--modules', '/nowhere'], 1, /Cannot read the kernel modules/],
  [['--colour', 'red'], 2, /Cannot run kdumpling rebuild: Unknown option '--colour'/],
])('%j is refused in one line, and no file is left behind', (args, exitCode, message) => {
  const output = join(directory, 'refused.img');
  const { status, stderr } = rebuild(output, ...args);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(message);
  expect(status).toBe(exitCode);
  expect(() => readFileSync(output)).toThrow(/ENOENT/);
});

test('an unknown verb is refused', () => {
  expect(kdumpling('explode')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('Try kdumpling help'),
  });
});

test.each([['help'], ['--help'], ['rebuild', '--help']])('%s prints the usage', (...args) => {
  expect(kdumpling(...args)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('usage: kdumpling'),
  });
});
