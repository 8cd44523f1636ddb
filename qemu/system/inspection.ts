/** What the guest says about a system image (guest/inspect-image.sh), as facts or as the reason why it cannot be crashed. */
import { Failure } from '../../capture/errors.ts';
import { fileSystemNamed } from '../../capture/options/file-systems.ts';
import { type FileSystemName, LAB_FILE_SYSTEMS } from '../disks/file-systems.ts';

export interface SystemRoot {
  readonly fs: FileSystemName;
  readonly uuid: string;
  /** `subvol=@`; may be empty. */
  readonly mountOptions: string;
}

export interface Inspection {
  readonly root: SystemRoot;
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly name: string;
  /** The newest kernel that the image has with its modules. */
  readonly release?: string;
}

/** What blkid(8) calls containers of file systems that are not looked into. */
const CONTAINERS: Readonly<Record<string, string>> = {
  LVM2_member: 'a logical volume (LVM)',
  crypto_LUKS: 'encrypted (LUKS)',
  linux_raid_member: 'on a RAID array',
  zfs_member: 'on ZFS',
  bcachefs: 'on bcachefs',
  f2fs: 'on F2FS',
  squashfs: 'on squashfs, which is not written to',
};

/** @param lines of the serial console. @throws Failure that names what is missing */
export function readInspection(path: string, lines: readonly string[]): Inspection {
  const said = lines.flatMap(line => /^lab: image (.*)$/.exec(line)?.[1] ?? []);
  const action = `boot the system image ${path}`;
  const root = said.flatMap(text => /^root (\S+) (\S+) (\S*) (\S+) (.*)$/.exec(text) ?? []);
  if (root.length === 0) throw noRoot(action, said);
  const [, node, type, uuid, subvolume, name] = root;
  const fs = LAB_FILE_SYSTEMS.find(row => row.name === type && fileSystemNamed(type))?.name;
  if (!fs || uuid === '') {
    throw new Failure('BAD_ROOT', {
      action,
      actual: `its root file system on ${node} is ${fs ? 'without a UUID' : type}`,
      wanted: 'ext4, xfs or btrfs with a UUID',
    });
  }
  const release = said.flatMap(text => /^kernel (\S+)$/.exec(text)?.[1] ?? [])[0];
  if (said.includes('outbox full')) {
    throw new Failure('IMAGE_KERNEL', {
      action,
      actual: `the modules of its kernel ${release} do not fit on the lab’s disk`,
      toDo: 'Name a kernel with --kernel',
    });
  }
  const mountOptions = subvolume === '-' ? '' : `subvol=${subvolume}`;
  return { root: { fs, uuid, mountOptions }, name, ...(release && { release }) };
}

function noRoot(action: string, said: readonly string[]): Failure {
  const node = said.flatMap(text => /^no-init (\S+)$/.exec(text)?.[1] ?? [])[0];
  if (node) {
    return new Failure('NO_INIT', {
      action,
      actual: `the root file system on ${node} has no /sbin/init`,
      wanted: 'a system that boots, and not the root of a container',
      toDo: 'Install one in it, as the package systemd-sysv or sysvinit-core of Debian',
    });
  }
  const found = said.flatMap(text => /^found (\S+) (\S+) (\S+)$/.exec(text)?.slice(1, 4) ?? []);
  const parts = Array.from({ length: found.length / 3 }, (_, at) => found.slice(3 * at, 3 * at + 3));
  const container = parts.find(([, type]) => type in CONTAINERS);
  const seen = parts.filter(([, type]) => type !== '-').map(([part, type]) => `${part} has ${type}`);
  const actual = container
    ? `its root may be ${CONTAINERS[container[1]]}: ${container[0]}`
    : seen.length > 0
      ? `none of its file systems is a system’s root: ${seen.join(', ')}`
      : 'it has no file system';
  return new Failure('NO_ROOT', {
    action,
    actual,
    wanted: 'a root file system on ext4, xfs or btrfs, on the whole disk or in a partition',
  });
}
