import { expect, test } from 'vitest';
import { readInspection } from '../../../../qemu/system/inspection.ts';

const UUID = '6b64756d-706c-696e-672d-64656269616e';
const read = (...lines: string[]) =>
  readInspection(
    'disk.img',
    lines.map(line => `lab: image ${line}`),
  );

test('a root in a partition, with its kernel', () => {
  const found = read(
    'found /dev/vda - dos',
    'found /dev/vda1 ext4 -',
    `root /dev/vda1 ext4 ${UUID} - Debian GNU/Linux 12 (bookworm)`,
    'kernel 6.1.0-56-cloud-amd64',
    'done',
  );
  expect(found).toEqual({
    root: { fs: 'ext4', uuid: UUID, mountOptions: '' },
    name: 'Debian GNU/Linux 12 (bookworm)',
    release: '6.1.0-56-cloud-amd64',
  });
});

test('a root in a subvolume, without a kernel', () => {
  expect(read(`root /dev/vda btrfs ${UUID} @ unnamed`)).toEqual({
    root: { fs: 'btrfs', uuid: UUID, mountOptions: 'subvol=@' },
    name: 'unnamed',
  });
});

test.each([
  [['found /dev/vda - -'], 'it has no file system; expected a root file system on ext4, xfs or btrfs'],
  [
    ['found /dev/vda - gpt', 'found /dev/vda1 vfat -', 'found /dev/vda2 swap -'],
    'none of its file systems is a system’s root: /dev/vda1 has vfat, /dev/vda2 has swap',
  ],
  [
    ['found /dev/vda - gpt', 'found /dev/vda1 LVM2_member -'],
    'its root may be a logical volume (LVM): /dev/vda1',
  ],
  [['found /dev/vda1 crypto_LUKS -'], 'its root may be encrypted (LUKS): /dev/vda1'],
  [['found /dev/vda ext4 -', 'no-init /dev/vda'], 'the root file system on /dev/vda has no /sbin/init'],
  [[`root /dev/vda ext3 ${UUID} - unnamed`], 'its root file system on /dev/vda is ext3; expected ext4'],
  [
    [`root /dev/vda ext4 ${UUID} - unnamed`, 'kernel 6.9', 'outbox full'],
    'the modules of its kernel 6.9 do not fit',
  ],
])('what cannot be booted is refused by what it lacks: %#', (lines, text) => {
  expect(() => read(...lines)).toThrow(`Cannot boot the system image disk.img: ${text}`);
});
