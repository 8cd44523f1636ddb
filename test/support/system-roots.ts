/** The root file systems of systems on XFS and btrfs, made of a Debian's files without a mount. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileSystemName, fileSystemOf, makeSparse, tool } from '../../qemu/disks/file-systems.ts';

const UUID = '6b64756d-706c-696e-672d-73797374656d';
const SIZE_MIB = 2048;

/** Copies the files of the ext4 that begins at this offset of a disk image; devices are left out. */
export async function copyRoot(disk: string, offsetBytes: number, root: string): Promise<void> {
  mkdirSync(root, { recursive: true });
  await tool('debugfs', ['-R', `rdump / "${root}"`, `${disk}?offset=${offsetBytes}`]);
}

/** Makes a bare file system with the files, whose fstab names it. */
export async function makeRoot(fs: FileSystemName, root: string, path: string): Promise<void> {
  writeFileSync(join(root, 'etc/fstab'), `UUID=${UUID} / ${fs} defaults 0 0\n`);
  await makeSparse(path, SIZE_MIB);
  await fileSystemOf(fs).make({ path, uuid: UUID, label: 'system', contents: root });
}
