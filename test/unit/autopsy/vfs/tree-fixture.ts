/** A root file system with /etc/passwd, a file system mounted on /mnt with a directory in it, and a pipe. */
import { SmallKernel } from '../../../support/small-kernel.ts';

export const MEMBERS = {
  'mount.mnt': [32, 24],
  'mount.mnt.mnt_root': [32, 8],
  'mount.mnt.mnt_sb': [40, 8],
  'mount.mnt.mnt_flags': [48, 4],
  'mount.mnt_parent': [0, 8],
  'mount.mnt_mountpoint': [8, 8],
  'mount.mnt_devname': [64, 8],
  'mount.mnt_list': [72, 16],
  'dentry.d_parent': [0, 8],
  'dentry.d_name.name': [8, 8],
  'dentry.d_hash.pprev': [16, 8],
  'dentry.d_op': [24, 8],
  'dentry.d_sb': [32, 8],
  'dentry.d_inode': [40, 8],
  'dentry_operations.d_dname': [0, 8],
  'super_block.s_type': [0, 8],
  'super_block.s_subtype': [8, 8],
  'super_block.s_flags': [16, 8],
  'file_system_type.name': [0, 8],
  'inode.i_ino': [0, 8],
  'inode.i_mode': [8, 2],
  'path.mnt': [0, 8],
  'path.dentry': [8, 8],
} as const;

export const ROOT = { mount: 0x10000n, superBlock: 0x11000n, dentry: 0x12000n };
export const DATA = { mount: 0x10100n, superBlock: 0x11100n, dentry: 0x12100n };
export const ETC = 0x12200n;
export const PASSWD = 0x12300n;
export const MNT = 0x12400n;
export const LOGS = 0x12500n;
export const PIPE = { mount: 0x10200n, superBlock: 0x11200n, dentry: 0x12600n, operations: 0x13000n };
const ALIVE = 0xffffn;

let nextText = 0n;

export function buildTree(members: ConstructorParameters<typeof SmallKernel>[0]['members']): SmallKernel {
  const kernel = new SmallKernel({ members });
  nextText = 0x20000n;
  addSuperBlock(kernel, ROOT.superBlock, 'ext4');
  addSuperBlock(kernel, DATA.superBlock, 'fuse', 'sshfs');
  addSuperBlock(kernel, PIPE.superBlock, 'pipefs');
  addDentry(kernel, ROOT.dentry, ROOT.dentry, '/', ROOT.superBlock);
  addDentry(kernel, ETC, ROOT.dentry, 'etc', ROOT.superBlock);
  addDentry(kernel, PASSWD, ETC, 'passwd', ROOT.superBlock);
  addDentry(kernel, MNT, ROOT.dentry, 'mnt', ROOT.superBlock);
  addDentry(kernel, DATA.dentry, DATA.dentry, '/', DATA.superBlock);
  addDentry(kernel, LOGS, DATA.dentry, 'Protokolle für heute', DATA.superBlock);
  addDentry(kernel, PIPE.dentry, PIPE.dentry, '', PIPE.superBlock);
  kernel.set(PIPE.dentry, 'dentry.d_op', PIPE.operations);
  kernel.set(PIPE.operations, 'dentry_operations.d_dname', 0x99n);
  addMount(kernel, ROOT, { parent: ROOT.mount, point: ROOT.dentry, device: '/dev/vda1' });
  addMount(kernel, DATA, { parent: ROOT.mount, point: MNT, device: 'host:/data' });
  addMount(kernel, PIPE, { parent: PIPE.mount, point: PIPE.dentry, device: 'pipefs' });
  return kernel;
}

function addSuperBlock(kernel: SmallKernel, at: bigint, type: string, subtype?: string): void {
  kernel.set(at, 'super_block.s_type', at + 64n);
  kernel.set(at, 'super_block.s_subtype', subtype === undefined ? 0n : addText(kernel, subtype));
  kernel.set(at, 'super_block.s_flags', 0n);
  kernel.set(at + 64n, 'file_system_type.name', addText(kernel, type));
}

export function addDentry(kernel: SmallKernel, at: bigint, parent: bigint, name: string, superBlock: bigint) {
  kernel.set(at, 'dentry.d_parent', parent);
  kernel.set(at, 'dentry.d_name.name', addText(kernel, name));
  kernel.set(at, 'dentry.d_hash.pprev', ALIVE);
  kernel.set(at, 'dentry.d_op', 0n);
  kernel.set(at, 'dentry.d_sb', superBlock);
  kernel.set(at, 'dentry.d_inode', at + 0x10000n);
  kernel.set(at + 0x10000n, 'inode.i_ino', Number(at % 0x1000n));
}

interface MountFacts {
  readonly parent: bigint;
  readonly point: bigint;
  readonly device: string;
}

function addMount(
  kernel: SmallKernel,
  { mount, superBlock, dentry }: typeof ROOT,
  { parent, point, device }: MountFacts,
): void {
  kernel.set(mount, 'mount.mnt_parent', parent);
  kernel.set(mount, 'mount.mnt_mountpoint', point);
  kernel.set(mount, 'mount.mnt.mnt_root', dentry);
  kernel.set(mount, 'mount.mnt.mnt_sb', superBlock);
  kernel.set(mount, 'mount.mnt.mnt_flags', 0n);
  kernel.set(mount, 'mount.mnt_devname', addText(kernel, device));
}

function addText(kernel: SmallKernel, text: string): bigint {
  const at = nextText;
  kernel.text(at, text);
  nextText += 64n;
  return at;
}
