/**
 * Directives of kdump.conf(5) that kdumpling refuses, each with what to do instead. They are refused and not ignored,
 * because a config that only takes effect in part is found out at the crash.
 */

const LOCAL_DISK =
  'Dumps go to a local disk: name a file system, and copy dumps elsewhere with `kdumpling upload`';
const NO_HOOKS = 'The capture runs no other programs: remove the line';
const NO_DRACUT = 'The initrd is not built by dracut: add modules with `extra_modules`';
const REBUILDS_ITSELF =
  'The initrd is rebuilt whenever the kernel, this file or the program changes: remove the line';

export const UNSUPPORTED: Readonly<Record<string, string>> = {
  nfs: LOCAL_DISK,
  ssh: LOCAL_DISK,
  sshkey: LOCAL_DISK,
  virtiofs: LOCAL_DISK,
  raw: 'A raw partition can only be a fallback: write `fallback_target raw …`',
  ext2: 'Name an ext4, xfs or btrfs file system',
  ext3: 'Name an ext4, xfs or btrfs file system',
  minix: 'Name an ext4, xfs or btrfs file system',
  kdump_pre: NO_HOOKS,
  kdump_post: NO_HOOKS,
  kdump_emergency: NO_HOOKS,
  extra_bins: NO_HOOKS,
  fence_kdump_args: 'The capture has no network: remove the line',
  fence_kdump_nodes: 'The capture has no network: remove the line',
  dracut_args: NO_DRACUT,
  force_rebuild: REBUILDS_ITSELF,
  force_no_rebuild: REBUILDS_ITSELF,
  disk_timeout: 'Use `device_timeout` instead',
  link_delay: 'The capture has no network: remove the line',
  options: 'Put module parameters on the kernel command line as <module>.<parameter>=<value>',
  blacklist: 'The initrd holds only the modules that it needs: remove the line',
  net: LOCAL_DISK,
};
