/** Directives that kdump.conf(5) knows and we refuse, each with what to do instead. Refused, because a config that is half obeyed is found out at the crash. */

const LOCAL_DISK =
  'Dumps go to a disk of this machine; name a file system, and share dumps with `kdumpling upload`';
const NO_HOOKS = 'No programs of others run in the capture';
const NO_DRACUT = 'The initrd is not made by dracut; modules are added by extra_modules';
const REBUILDS_ITSELF =
  'The initrd is rebuilt when the kernel, this file or the program changed; take the line out';

export const UNSUPPORTED: Readonly<Record<string, string>> = {
  nfs: LOCAL_DISK,
  ssh: LOCAL_DISK,
  sshkey: LOCAL_DISK,
  virtiofs: LOCAL_DISK,
  raw: 'A bare partition stands in for a file system and does not replace it; write `fallback_target raw …`',
  ext2: 'Name an ext4, xfs or btrfs file system',
  ext3: 'Name an ext4, xfs or btrfs file system',
  minix: 'Name an ext4, xfs or btrfs file system',
  kdump_pre: NO_HOOKS,
  kdump_post: NO_HOOKS,
  kdump_emergency: NO_HOOKS,
  extra_bins: NO_HOOKS,
  fence_kdump_args: 'Nothing is sent over a network from the capture',
  fence_kdump_nodes: 'Nothing is sent over a network from the capture',
  dracut_args: NO_DRACUT,
  force_rebuild: REBUILDS_ITSELF,
  force_no_rebuild: REBUILDS_ITSELF,
  auto_reset_crashkernel:
    '`kdumpling enable` sets crashkernel=, and nothing else changes it; take the line out',
  disk_timeout: 'Write `device_timeout` instead',
  link_delay: 'There is no network in the capture; take the line out',
  options: 'Module parameters go on the kernel command line, as <module>.<parameter>=<value>',
  blacklist: 'Modules that are not needed are not in the initrd; take the line out',
  net: LOCAL_DISK,
};
