/** File systems that dumps cannot go to, and why, by the kernel's names for them. */

interface Foreign {
  readonly names: RegExp;
  readonly is: string;
}

const FOREIGN: readonly Foreign[] = [
  { names: /^(nfs4?|cifs|smb3|ceph|glusterfs|afs|gfs2|ocfs2|lustre)$/, is: 'a network file system' },
  { names: /^(9p|virtiofs|vboxsf|prl_fs)$/, is: 'a directory of the host of this virtual machine' },
  { names: /^fuse/, is: 'served by a program' },
  { names: /^(overlay|aufs)$/, is: 'a union of directories' },
  { names: /^(tmpfs|ramfs|rootfs)$/, is: 'memory' },
  { names: /^(squashfs|erofs|iso9660|cramfs|romfs)$/, is: 'read-only' },
  { names: /^(ubifs|jffs2)$/, is: 'raw flash' },
  { names: /^zfs$/, is: 'a pool that a capture cannot import' },
];

/** `overlay (a union of directories), mounted from overlay` */
export function describeForeign({ fstype, source }: { fstype: string; source: string }): string {
  const is = FOREIGN.find(({ names }) => names.test(fstype))?.is;
  return `${fstype}${is ? `, ${is}` : ''} (${source})`;
}
