/** A task with three open files, in directories of two file systems. */
import type { SmallKernel } from '../../../support/small-kernel.ts';
import { buildTree, DATA, LOGS, MEMBERS, PASSWD, PIPE, ROOT } from './tree-fixture.ts';

export const TASK = 0x5000n;
export const FS = 0x5100n;
export const FILES = 0x5200n;
export const TABLE = 0x5300n;
export const POINTERS = 0x50000n;
export const OPEN = [0x7000n, 0x7100n, 0x7200n];

const OF_TASK = {
  'task_struct.fs': [0, 8],
  'task_struct.files': [8, 8],
  'fs_struct.root': [0, 16],
  'fs_struct.pwd': [16, 16],
  'files_struct.fdt': [0, 8],
  'fdtable.max_fds': [0, 4],
  'fdtable.fd': [8, 8],
  'file.f_path': [0, 16],
  'file.f_inode': [16, 8],
} as const;
const UNUSED = [
  'mount.mnt_devname',
  'mount.mnt_list',
  'mount.mnt.mnt_sb',
  'mount.mnt.mnt_flags',
  'super_block.s_flags',
];

export function buildFiles(): SmallKernel {
  const kernel = buildTree({ ...MEMBERS, ...OF_TASK });
  kernel.set(TASK, 'task_struct.fs', FS);
  kernel.set(TASK, 'task_struct.files', FILES);
  setPath(kernel, FS, ROOT.mount, ROOT.dentry);
  setPath(kernel, FS + 16n, DATA.mount, LOGS);
  kernel.set(FILES, 'files_struct.fdt', TABLE);
  kernel.set(TABLE, 'fdtable.max_fds', 600);
  kernel.set(TABLE, 'fdtable.fd', POINTERS);
  for (let fd = 0n; fd < 600n; fd++) kernel.number(POINTERS + 8n * fd, 8, 0n);
  openFile(kernel, 0, OPEN[0]!, ROOT.mount, PASSWD, 0o100644);
  openFile(kernel, 3, OPEN[1]!, PIPE.mount, PIPE.dentry, 0o010600);
  openFile(kernel, 577, OPEN[2]!, DATA.mount, LOGS, 0o040755);
  for (const path of UNUSED) kernel.loseMember(path);
  return kernel;
}

function setPath(kernel: SmallKernel, at: bigint, mount: bigint, dentry: bigint): void {
  kernel.set(at, 'path.mnt', mount + 32n);
  kernel.set(at, 'path.dentry', dentry);
}

export function openFile(
  kernel: SmallKernel,
  fd: number,
  file: bigint,
  mount: bigint,
  dentry: bigint,
  mode: number,
) {
  kernel.number(POINTERS + BigInt(8 * fd), 8, file);
  setPath(kernel, file, mount, dentry);
  kernel.set(file, 'file.f_inode', dentry + 0x10000n);
  kernel.set(dentry + 0x10000n, 'inode.i_mode', mode);
}
