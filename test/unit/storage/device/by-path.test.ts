/** sysfs paths of real machines, and the names that their udev made. */
import { expect, test } from 'vitest';
import { mapperNames } from '../../../../capture/storage/device/block-devices.ts';
import { pathNames, type Sysfs } from '../../../../capture/storage/device/by-path.ts';

const PCI = '/sys/devices/pci0000:00';
const FILES: Readonly<Record<string, string>> = {
  [`${PCI}/0000:00:1f.2/ata3/ata_port/ata3/port_no`]: '1',
  [`${PCI}/0000:00:02.0/nvme/nvme0/nvme0n2/nsid`]: '2',
};
const FOLDERS: Readonly<Record<string, string[]>> = {
  [`${PCI}/0000:00:05.0/virtio2`]: ['host7', 'host8', 'power'],
};
const SYSFS: Sysfs = { read: path => FILES[path], list: path => FOLDERS[path] ?? [] };

test.each([
  ['virtio-blk', '0000:00:03.0/virtio1/block/vda', ['pci-0000:00:03.0', 'virtio-pci-0000:00:03.0']],
  [
    'virtio-blk behind a bridge',
    '0000:00:02.1/0000:04:00.0/virtio1/block/vda',
    ['pci-0000:04:00.0', 'virtio-pci-0000:04:00.0'],
  ],
  [
    'virtio-scsi, the adapter’s second host',
    '0000:00:05.0/virtio2/host8/target8:0:3/8:0:3:1/block/sdb',
    ['pci-0000:00:05.0-scsi-1:0:3:1', 'virtio-pci-0000:00:05.0-scsi-1:0:3:1'],
  ],
  ['SCSI', '0000:00:06.0/host2/target2:0:0/2:0:0:0/block/sda', ['pci-0000:00:06.0-scsi-0:0:0:0']],
  [
    'AHCI',
    '0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sda',
    ['pci-0000:00:1f.2-ata-1', 'pci-0000:00:1f.2-ata-1.0'],
  ],
  ['NVMe', '0000:00:02.0/nvme/nvme0/nvme0n2', ['pci-0000:00:02.0-nvme-2']],
  [
    'USB',
    '0000:00:1d.7/usb1/1-2/1-2:1.0/host3/target3:0:0/3:0:0:0/block/sdc',
    ['pci-0000:00:1d.7-usb-0:2:1.0-scsi-0:0:0:0'],
  ],
])('%s', (_, path, expected) => {
  expect(pathNames(`${PCI}/${path}`, SYSFS).sort()).toEqual([...expected].sort());
});

test.each(['/sys/devices/virtual/block/dm-0', '/sys/devices/platform/soc/mmc0/mmc0:0001/block/mmcblk0'])(
  'an unknown bus gives no name: %s',
  path => expect(pathNames(path, SYSFS)).toEqual([]),
);

test.each([
  ['vg-root', ['/dev/mapper/vg-root', '/dev/vg/root']],
  ['my--vg-my--lv', ['/dev/mapper/my--vg-my--lv', '/dev/my-vg/my-lv']],
  ['luks', ['/dev/mapper/luks']],
])('device-mapper’s %s', (name, expected) => expect(mapperNames(name)).toEqual(expected));
