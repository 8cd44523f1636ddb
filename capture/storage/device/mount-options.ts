/**
 * The options that the target is mounted with: of the host's own, those without which the file system would be another
 * one or less safe; before them what every capture wants. All others are left out: they are about when the host mounts
 * it (noauto, nofail, x-systemd.*), about whom it serves (user, quota), about speed (discard, noatime, commit=), or they
 * endanger a dump (ro, barrier=0, nobarrier, noload, norecovery, errors=panic).
 */

/** A dump must not bring programs or devices with it, whatever a broken disk says. */
const ALWAYS = ['rw', 'nosuid', 'nodev', 'noexec'] as const;

interface FileSystemOptions {
  /** What is kept: `name=` with any value, a name alone, or `name=value`. */
  readonly kept: readonly string[];
  readonly added?: readonly string[];
}

const FILE_SYSTEMS: Readonly<Record<string, FileSystemOptions>> = {
  ext4: {
    kept: [
      'errors=remount-ro',
      'errors=continue',
      'data=',
      'journal_checksum',
      'journal_dev=',
      'journal_path=',
    ],
  },
  // Without its log or real-time device such a file system does not mount at all.
  xfs: { kept: ['logdev=', 'rtdev=', 'inode64', 'inode32'] },
  btrfs: { kept: ['subvol=', 'subvolid=', 'degraded', 'device='] },
  vfat: {
    kept: ['codepage=', 'iocharset='],
    // It has no modes and no journal: private by mount option, and names that change are on the disk when rename returns.
    added: ['umask=0077', 'uid=0', 'gid=0', 'dirsync'],
  },
};

export interface MountOptions {
  /** In order, for mount(8) and mount(2) alike. */
  readonly options: readonly string[];
  /** What the host has and a capture has not. */
  readonly leftOut: readonly string[];
}

/** @param host the host's own, as in fstab(5): `defaults,errors=remount-ro`. */
export function captureMountOptions(fstype: string, host: string): MountOptions {
  const { kept, added = [] } = FILE_SYSTEMS[fstype] ?? { kept: [] };
  const isKept = (option: string) => {
    const name = option.replace(/=.*$/s, option.includes('=') ? '=' : '');
    return kept.includes(name) || kept.includes(option);
  };
  const given = host.split(',').filter(option => option !== '');
  return {
    options: [...ALWAYS, ...added, ...given.filter(isKept)],
    leftOut: given.filter(option => !isKept(option) && option !== 'defaults' && !isAlways(option)),
  };
}

function isAlways(option: string): boolean {
  return (ALWAYS as readonly string[]).includes(option);
}
