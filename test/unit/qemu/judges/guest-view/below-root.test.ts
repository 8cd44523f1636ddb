/** Which mounts of a namespace a task has in its /proc/mounts. */
import { expect, test } from 'vitest';
import { isBelowRoot } from '../../../../../qemu/judges/guest-view/below-root.ts';
import type { SmallKernel } from '../../../../support/small-kernel.ts';
import { buildTree, DATA, MEMBERS, PIPE, ROOT } from '../../../autopsy/vfs/tree-fixture.ts';

const TASK = 0x5000n;
const DIRECTORIES = 0x5100n;

/** @param root the address of the `struct mount` in which the task has its root. */
function build(root: bigint): SmallKernel {
  const kernel = buildTree({ ...MEMBERS, 'task_struct.fs': [0, 8], 'fs_struct.root': [8, 16] });
  kernel.set(TASK, 'task_struct.fs', DIRECTORIES);
  kernel.number(DIRECTORIES + 8n, 8, Number(root) + 32);
  kernel.number(DIRECTORIES + 16n, 8, Number(ROOT.dentry));
  return kernel;
}

test.each([
  ['the root of all mounts', ROOT.mount, [true, true]],
  // As rootfs is on nullfs.
  ['a file system that is mounted on it', DATA.mount, [false, true]],
])('a task whose root is in %s', (_, root, below) => {
  const kernel = build(root).open();
  expect([ROOT, DATA].map(({ mount }) => isBelowRoot(kernel, mount, TASK))).toEqual(below);
});

test('a mount of no directory is below nothing', () => {
  expect(isBelowRoot(build(ROOT.mount).open(), PIPE.mount, TASK)).toBe(false);
});

test('mounts on each other in a circle end', () => {
  const kernel = build(ROOT.mount);
  kernel.set(DATA.mount, 'mount.mnt_parent', PIPE.mount);
  kernel.set(PIPE.mount, 'mount.mnt_parent', DATA.mount);
  expect(isBelowRoot(kernel.open(), DATA.mount, TASK)).toBe(false);
});
