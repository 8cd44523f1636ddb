import { expect, test } from 'vitest';
import { captureMountOptions } from '../../../../capture/storage/device/mount-options.ts';

test.each([
  ['ext4', '', [], []],
  ['ext4', 'defaults', [], []],
  ['ext4', 'rw,relatime,errors=remount-ro,data=ordered', ['errors=remount-ro', 'data=ordered'], ['relatime']],
  ['ext4', 'errors=panic', [], ['errors=panic']],
  [
    'ext4',
    'ro,noauto,nofail,user,x-systemd.automount,discard,usrquota,barrier=0,noload',
    [],
    ['ro', 'noauto', 'nofail', 'user', 'x-systemd.automount', 'discard', 'usrquota', 'barrier=0', 'noload'],
  ],
  ['xfs', 'norecovery,logdev=/dev/sdb1,inode64', ['logdev=/dev/sdb1', 'inode64'], ['norecovery']],
  [
    'btrfs',
    'subvol=/@,compress=zstd:1,ssd,subvolid=256',
    ['subvol=/@', 'subvolid=256'],
    ['compress=zstd:1', 'ssd'],
  ],
  // An option of one file system is not kept for another.
  ['ext4', 'subvol=/@', [], ['subvol=/@']],
  ['unheard-of', 'data=ordered', [], ['data=ordered']],
])('%s, the host has %j', (fstype, host, kept, leftOut) => {
  expect(captureMountOptions(fstype, host)).toEqual({
    options: ['rw', 'nosuid', 'nodev', 'noexec', ...kept],
    leftOut,
  });
});

test('vfat has no modes: private whatever the host’s options are', () => {
  const { options } = captureMountOptions('vfat', 'umask=0022,uid=1000,iocharset=iso8859-1');
  expect(options.slice(4)).toEqual(['umask=0077', 'uid=0', 'gid=0', 'dirsync', 'iocharset=iso8859-1']);
});
