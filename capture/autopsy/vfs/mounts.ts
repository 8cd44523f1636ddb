/** The file systems that were mounted in a mount namespace (struct mnt_namespace, fs/mount.h). */
import type { DeadKernel } from '../kernel.ts';
import { listEntries, treeEntries } from '../lists.ts';
import { type Findings, Problems, readEach } from '../problems.ts';
import { Paths, utf8 } from './paths.ts';

export interface Mount {
  /** Of its `struct mount` and `struct super_block`. */
  readonly mount: bigint;
  readonly superBlock: bigint;
  readonly type: string;
  /** What was mounted, as mount(8) was told: `/dev/vda1`, `tmpfs`, `none`. */
  readonly device: string;
  readonly directory: string;
  /** Nothing could be written there: the mount is read-only, or the whole file system, as after an error. */
  readonly isReadOnly: boolean;
}

/** Macros: include/linux/mount.h, and SB_RDONLY in include/linux/fs.h. */
const MNT_READONLY = 0x40n;
const SB_RDONLY = 1n;

/** sysctl fs.mount-max is 100,000 by default. */
const MOST_MOUNTS = 1 << 17;
const DEVICE_BYTES = 4096;

/** @param task the address of a task_struct: those of its namespace. */
export function readMounts(kernel: DeadKernel, task: bigint, paths = new Paths(kernel)): Findings<Mount[]> {
  const problems = new Problems();
  const found = readEach(mountsOf(kernel, task), mount => readMount(kernel, mount, paths), problems);
  return { found, problems: problems.sentences };
}

/** The address of a task's mount namespace; 0 for a task that has exited. @throws AutopsyError, KernelError */
export function mountNamespace({ fields }: DeadKernel, task: bigint): bigint {
  const proxy = fields.pointer(task, 'task_struct.nsproxy');
  return proxy === 0n ? 0n : fields.pointer(proxy, 'nsproxy.mnt_ns');
}

function* mountsOf(kernel: DeadKernel, task: bigint): Generator<bigint> {
  const { fields, types } = kernel;
  const namespace = mountNamespace(kernel, task);
  if (namespace === 0n) return;
  // Linux commit 2eea9ce4310d ("mounts: keep list of mounts in an rbtree"), v6.8.
  if (types.has('mnt_namespace.list'))
    yield* listEntries(
      kernel,
      fields.address(namespace, 'mnt_namespace.list'),
      'mount.mnt_list',
      MOST_MOUNTS,
    );
  else
    yield* treeEntries(
      kernel,
      fields.address(namespace, 'mnt_namespace.mounts'),
      'mount.mnt_node',
      MOST_MOUNTS,
    );
}

function readMount(kernel: DeadKernel, mount: bigint, paths: Paths): Mount | undefined {
  const { memory, fields } = kernel;
  const superBlock = fields.pointer(mount, 'mount.mnt.mnt_sb');
  // A reader's place in the list (MNT_CURSOR, Linux v5.8 to v6.7).
  if (superBlock === 0n) return undefined;
  const device = fields.pointer(mount, 'mount.mnt_devname');
  return {
    mount,
    superBlock,
    type: paths.fileSystemName(superBlock),
    device:
      device === 0n ? 'none' : utf8(memory.cstring(device, DEVICE_BYTES, 'the name of a mounted device')),
    directory: paths.mountPoint(mount),
    isReadOnly: isReadOnly(kernel, mount, superBlock),
  };
}

/** What /proc/mounts calls `ro`: __mnt_is_readonly() in fs/namespace.c. */
function isReadOnly({ fields }: DeadKernel, mount: bigint, superBlock: bigint): boolean {
  const mnt_flags = fields.integer(mount, 'mount.mnt.mnt_flags');
  const s_flags = fields.integer(superBlock, 'super_block.s_flags');
  return (mnt_flags & MNT_READONLY) !== 0n || (s_flags & SB_RDONLY) !== 0n;
}
