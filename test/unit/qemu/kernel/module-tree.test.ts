import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openModuleTree } from '../../../../initrd/modules.ts';
import { moduleTreeAt } from '../../../../qemu/kernel/installed-modules.ts';
import { listedBuiltIns, modulesOfBuild } from '../../../../qemu/kernel/module-tree.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-modules-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.each(['', '6.9-mine', 'lib/modules/6.9-mine'])('an installed tree is found in %s below DIR', place => {
  const tree = join(directory, place);
  mkdirSync(tree, { recursive: true });
  writeFileSync(join(tree, 'modules.dep'), '');
  expect(moduleTreeAt(directory, '6.9-mine')).toBe(tree);
});

test('a directory without a tree for this release is refused with where it was looked for', () => {
  expect(() => moduleTreeAt(directory, '6.9-mine')).toThrow(
    'no modules.dep in it, in 6.9-mine/ or in lib/modules/6.9-mine/',
  );
});

test('built-in drivers are listed for an image that comes alone', () => {
  const tree = openModuleTree(listedBuiltIns(directory, '6.9-mine', ['virtio_blk']));
  expect(tree.closure(['virtio_blk'])).toEqual([]);
  expect(tree.has('loop')).toBe(false);
});

// depmod reads only ELF files, and any object file is one.
const OBJECT = '/usr/lib/x86_64-linux-gnu/crti.o';
test.skipIf(!existsSync(OBJECT)).each([
  ['since 6.4', 'drivers/block/virtio_blk.o'],
  ['before 6.4', 'kernel/drivers/block/virtio_blk.ko'],
])('modules straight from a build directory, listed as %s', async (_, line) => {
  const build = join(directory, 'build');
  mkdirSync(join(build, 'drivers/block'), { recursive: true });
  copyFileSync(OBJECT, join(build, 'drivers/block/virtio_blk.ko'));
  writeFileSync(join(build, 'modules.order'), `${line}\nnot/built.ko\n`);
  writeFileSync(join(build, 'modules.builtin'), 'kernel/fs/ext4/ext4.ko\n');
  const path = await modulesOfBuild(build, join(directory, 'laid-out'), '6.9-mine');
  expect(readdirSync(join(path, 'kernel/drivers/block'))).toEqual(['virtio_blk.ko']);
  const tree = openModuleTree(path);
  expect(tree.has('ext4')).toBe(true);
  expect(tree.closure(['virtio_blk'])).toEqual(['kernel/drivers/block/virtio_blk.ko']);
});
