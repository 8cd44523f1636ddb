/** Which mounts of a namespace a task sees in its /proc/mounts. */
import type { DeadKernel } from '../../../capture/autopsy/kernel.ts';
import { pathAt } from '../../../capture/autopsy/vfs/paths.ts';

/** Of mounts on each other: PATH_MAX allows 2048 directories. */
const MOST_STEPS = 4096;

/**
 * /proc/mounts of a task shows only what is below the task's root (show_vfsmnt() in fs/proc_namespace.c). The namespace has
 * more: since Linux v7.0 nullfs is mounted beneath rootfs. `mounts` shows all of it, as crash's `mount` does.
 */
export function isBelowRoot(kernel: DeadKernel, mount: bigint, task: bigint): boolean {
  const { fields } = kernel;
  const directories = fields.pointer(task, 'task_struct.fs');
  const root = pathAt(kernel, fields.address(directories, 'fs_struct.root')).mount;
  let at = mount;
  for (let steps = 0; steps < MOST_STEPS && at !== root; steps++) {
    const above = fields.pointer(at, 'mount.mnt_parent');
    if (above === at) return false;
    at = above;
  }
  return at === root;
}
