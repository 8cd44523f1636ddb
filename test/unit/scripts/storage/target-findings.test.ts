/**
 * What a target may be stacked on: everything that is not known and supported is refused by name. The trees have the
 * layout of Linux 6.1; those marked "real" in trees/ were printed by a running kernel.
 */
import { describe, expect, test } from 'vitest';
import { settingsOf } from '../../../../scripts/lib/config/config.ts';
import { hostTarget } from '../../../../scripts/lib/storage/host-target.ts';
import { requireSupported, targetFindings } from '../../../../scripts/lib/storage/target-findings.ts';
import { type Files, hostWith } from '../../../support/host-root.ts';
import { block, ext4, mapped, PCI_DISK, UUID, VDA, virtual } from './machine.ts';

const VG = 'LVM-Xk3zT9sLqJ0aQv5fUuY1cWnB2mEhG4dP';
const LV = `${VG}7rKqZx8vNw6jHsPd3tFyLbMc1gAoE5iR`;
const PCI = '/sys/devices/pci0000:00/0000:00:05.0';

function found(files: Files, config: string): string[] {
  const host = hostWith({ '/proc/self/mountinfo': '', ...files });
  const settings = settingsOf(config, 'kdump.conf');
  return targetFindings(host, hostTarget(host, settings), settings.options.fallbackTargets).map(
    ({ blocks, text, fix }) => `${blocks ? '' : 'warning: '}${text} | ${fix}`,
  );
}

interface Case {
  readonly files: Files;
  readonly device: string;
  /** Missing: accepted. */
  readonly refused?: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  'a partition of a virtio disk': { files: {}, device: '/dev/vda1' },
  'a linear volume on one disk': {
    files: mapped('dm-0', 'vg-root', LV, ['vda1']),
    device: '/dev/dm-0',
  },
  'LVM thin': {
    files: {
      ...mapped('dm-0', 'vg-pool_tmeta', `${LV}-tmeta`, ['vda1']),
      ...mapped('dm-1', 'vg-pool_tdata', `${LV}-tdata`, ['vda1']),
      ...mapped('dm-2', 'vg-pool-tpool', `${LV}-tpool`, ['dm-0', 'dm-1']),
      ...mapped('dm-3', 'vg-thin', LV, ['dm-2']),
    },
    device: '/dev/dm-3',
    refused: /cannot activate the logical volume vg-thin|is an LVM thin pool/,
  },
  'LVM raid1': {
    files: {
      ...mapped('dm-0', 'vg-r1_rmeta_0', LV, ['vda1']),
      ...mapped('dm-1', 'vg-r1_rimage_0', LV, ['vda1']),
      ...mapped('dm-2', 'vg-r1', LV, ['dm-0', 'dm-1']),
    },
    device: '/dev/dm-2',
    refused: /cannot activate the logical volume vg-r1|a part of an LVM RAID/,
  },
  'the origin of a snapshot': {
    files: {
      ...mapped('dm-0', 'vg-root-real', `${LV}-real`, ['vda1']),
      ...mapped('dm-1', 'vg-root', LV, ['dm-0']),
    },
    device: '/dev/dm-1',
    refused: /cannot activate the logical volume vg-root|snapshot/,
  },
  'a volume over two disks without metadata: linear or striped': {
    files: { ...block(PCI_DISK.replaceAll('vda', 'vdb')), ...mapped('dm-0', 'vg-s', LV, ['vda1', 'vdb']) },
    device: '/dev/dm-0',
    refused: /cannot activate the logical volume vg-s/,
  },
  LUKS: {
    files: mapped('dm-0', 'luks', 'CRYPT-LUKS2-0123-luks', ['vda1']),
    device: '/dev/dm-0',
    refused: /\/dev\/dm-0 is encrypted, which the capture does not support/,
  },
  'LVM on LUKS': {
    files: {
      ...mapped('dm-0', 'luks', 'CRYPT-LUKS2-0123-luks', ['vda1']),
      ...mapped('dm-1', 'vg-root', LV, ['dm-0']),
    },
    device: '/dev/dm-1',
    refused: /vg-root|encrypted/,
  },
  'dm-verity': {
    files: mapped('dm-0', 'vroot', 'CRYPT-VERITY-0123-vroot', ['vda1']),
    device: '/dev/dm-0',
    refused: /verified by dm-verity/,
  },
  multipath: {
    files: mapped('dm-0', 'mpatha', 'mpath-36001', ['vda']),
    device: '/dev/dm-0',
    refused: /a multipath device/,
  },
  'a partition of multipath': {
    files: {
      ...mapped('dm-0', 'mpatha', 'mpath-36001', ['vda']),
      ...mapped('dm-1', 'mpatha1', 'part1-mpath-36001', ['dm-0']),
    },
    device: '/dev/dm-1',
    refused: /mapped by kpartx/,
  },
  'a device without a UUID, made by hand': {
    files: mapped('dm-0', 'x', '', ['vda1']),
    device: '/dev/dm-0',
    refused: /a device-mapper device of kind unknown/,
  },
  Stratis: {
    files: mapped('dm-0', 'x', 'stratis-1-private-0123-thin-fs-4', ['vda1']),
    device: '/dev/dm-0',
    refused: /Stratis/,
  },
  'md raid1': {
    files: virtual('md0', { 'md/level': 'raid1\n' }, ['vda1']),
    device: '/dev/md0',
    refused: /\/dev\/md0 is a RAID of level raid1/,
  },
  'a partition of an md array': {
    files: {
      ...virtual('md126', { 'md/level': 'raid1\n', 'md/metadata_version': 'external:/md127/0\n' }, ['vda']),
      ...block('/sys/devices/virtual/block/md126/md126p2', { partition: '2\n' }),
    },
    device: '/dev/md126p2',
    refused: /\/dev\/md126 is a RAID of level raid1/,
  },
  'software iSCSI': {
    files: block('/sys/devices/platform/host6/session1/target6:0:0/6:0:0:0/block/sdb'),
    device: '/dev/sdb',
    refused: /\/dev\/sdb is reached over iSCSI/,
  },
  'an iSCSI adapter': {
    files: block(`${PCI}/host3/session1/target3:0:0/3:0:0:0/block/sdb`),
    device: '/dev/sdb',
    refused: /reached over iSCSI/,
  },
  'Fibre Channel': {
    files: block(`${PCI}/host1/rport-1:0-2/target1:0:0/1:0:0:0/block/sdb`),
    device: '/dev/sdb',
    refused: /reached over Fibre Channel/,
  },
  SRP: {
    files: {
      ...block(`${PCI}/host1/port-1:1/target1:0:0/1:0:0:0/block/sdb`),
      [`${PCI}/host1/port-1:1/srp_remote_ports/`]: '',
    },
    device: '/dev/sdb',
    refused: /on "SRP", which is not a known bus/,
  },
  'SAS behind an expander': {
    files: block(
      `${PCI}/host0/port-0:0/expander-0:0/port-0:0:1/end_device-0:0:1/target0:0:0/0:0:0:0/block/sdb`,
    ),
    device: '/dev/sdb',
  },
  SATA: { files: block(`${PCI}/ata3/host2/target2:0:0/2:0:0:0/block/sdb`), device: '/dev/sdb' },
  'Hyper-V': {
    files: block(
      '/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00/f8b3781a-1e82-4818-a1c3-63d806ec15bb/host0/target0:0:0/0:0:0:0/block/sdb',
    ),
    device: '/dev/sdb',
  },
  Xen: { files: block('/sys/devices/vbd-51712/block/xvda'), device: '/dev/xvda' },
  MMC: { files: block(`${PCI}/mmc_host/mmc0/mmc0:0001/block/mmcblk0`), device: '/dev/mmcblk0' },
  'virtio in memory': {
    files: block('/sys/devices/platform/LNRO0005:00/virtio0/block/vdb'),
    device: '/dev/vdb',
  },
  'a USB disk': {
    files: block(`${PCI}/usb1/1-2/1-2:1.0/host3/target3:0:0/3:0:0:0/block/sdb`, { removable: '0\n' }),
    device: '/dev/sdb',
  },
  'a partition of a USB stick': {
    files: {
      ...block(`${PCI}/usb1/1-2/1-2:1.0/host3/target3:0:0/3:0:0:0/block/sdb`, { removable: '1\n' }),
      ...block(`${PCI}/usb1/1-2/1-2:1.0/host3/target3:0:0/3:0:0:0/block/sdb/sdb1`, { partition: '1\n' }),
    },
    device: '/dev/sdb1',
    refused: /\/dev\/sdb is a removable medium/,
  },
  'a write-protected disk': {
    files: block(`${PCI}/virtio2/block/vdb`, { ro: '1\n' }),
    device: '/dev/vdb',
    refused: /\/dev\/vdb is write-protected/,
  },
  NVMe: { files: block(`${PCI}/nvme/nvme0/nvme0n1`), device: '/dev/nvme0n1' },
  'NVMe over TCP': {
    files: {
      ...block('/sys/devices/virtual/nvme-fabrics/ctl/nvme1/nvme1n1'),
      '/sys/devices/virtual/nvme-fabrics/ctl/nvme1/transport': 'tcp\n',
    },
    device: '/dev/nvme1n1',
    refused: /reached over NVMe over TCP/,
  },
  'NVMe over TCP with multipath': {
    files: {
      ...block('/sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1n1'),
      '/sys/devices/virtual/nvme-fabrics/ctl/nvme1/transport': 'tcp\n',
      '/sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1':
        '-> /sys/devices/virtual/nvme-fabrics/ctl/nvme1',
    },
    device: '/dev/nvme1n1',
    refused: /reached over NVMe over TCP/,
  },
  loop: {
    files: virtual('loop0', { 'loop/backing_file': '/var/disk.img\n' }),
    device: '/dev/loop0',
    refused: /\/dev\/loop0 is backed by a file/,
  },
  zram: { files: virtual('zram0'), device: '/dev/zram0', refused: /memory, which does not survive a crash/ },
  'a RAM disk': { files: virtual('ram0'), device: '/dev/ram0', refused: /memory/ },
  bcache: { files: virtual('bcache0', {}, ['vda1']), device: '/dev/bcache0', refused: /a bcache device/ },
  nbd: { files: virtual('nbd0'), device: '/dev/nbd0', refused: /network block device \(NBD\)/ },
  DRBD: { files: virtual('drbd0'), device: '/dev/drbd0', refused: /a DRBD device/ },
  Ceph: { files: block('/sys/devices/rbd/0/block/rbd0'), device: '/dev/rbd0', refused: /Ceph/ },
  pmem: {
    files: block('/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/ndbus0/region0/namespace0.0/block/pmem0'),
    device: '/dev/pmem0',
    refused: /persistent memory/,
  },
  'UBI block': { files: virtual('ubiblock0_0'), device: '/dev/ubiblock0_0', refused: /raw flash/ },
  'a ZFS volume': { files: virtual('zd0'), device: '/dev/zd0', refused: /ZFS/ },
  'a simulated SCSI disk': {
    files: block('/sys/devices/pseudo_0/adapter0/host4/target4:0:0/4:0:0:0/block/sdb'),
    device: '/dev/sdb',
    refused: /simulated by scsi_debug/,
  },
  'a bus that nobody knows': {
    files: block('/sys/devices/quantum0/entangled1/block/qd0'),
    device: '/dev/qd0',
    refused: /\/dev\/qd0 is on "entangled1", which is not a known bus/,
  },
  'a virtual device that nobody knows': {
    files: virtual('foo0'),
    device: '/dev/foo0',
    refused: /\/dev\/foo0 is not on any disk/,
  },
  'an unknown device that is stacked on others': {
    files: virtual('foo0', {}, ['vda1']),
    device: '/dev/foo0',
    refused: /\/dev\/foo0 is stacked on other devices in an unknown way/,
  },
};

describe.each(Object.entries(CASES))('%s', (_, { files, device, refused }) => {
  const machine: Files = { ...VDA, ...files, [device]: ext4(9) };

  test('as the target', () => {
    const texts = found(machine, `ext4 ${device}\n`);
    if (!refused) return expect(texts).toEqual([]);
    expect(texts).toEqual([expect.stringMatching(refused)]);
    expect(texts[0]).toMatch(/ \| .*(kdump\.conf|file)/);
  });

  test('as a fallback', () => {
    const texts = found(
      { ...machine, '/dev/vda1': ext4(1) },
      `ext4 ${UUID(1)}\nfallback_target ext4 ${UUID(9)}\n`,
    );
    if (device === '/dev/vda1') return;
    expect(texts).toEqual(refused ? [expect.stringMatching(refused)] : []);
  });
});

test('a target that is refused is an error that says what to do', () => {
  const { files, device } = CASES.LUKS!;
  const host = hostWith({ ...VDA, ...files, [device]: ext4(9), '/proc/self/mountinfo': '' });
  const target = hostTarget(host, settingsOf(`ext4 ${device}\n`, 'kdump.conf'));
  expect(() => requireSupported(host, target)).toThrow(
    /^Cannot use the dump target: dumps cannot go to \/dev\/dm-0: \/dev\/dm-0 is encrypted, .*\. Name a file system/,
  );
});

describe('names', () => {
  const DISK = `${PCI}/ata1/host0/target0:0:0/0:0:0:0/block/sda`;
  const files: Files = {
    ...VDA,
    '/dev/vda1': ext4(1),
    ...block(DISK),
    ...block(`${DISK}/sda2`, { partition: '2\n' }),
    [`${PCI}/ata1/ata_port/ata1/port_no`]: '1\n',
    '/dev/sda2': ext4(9),
    '/dev/disk/by-id/wwn-0x5000-part2': '-> /dev/sda2',
    '/dev/disk/by-path/pci-0000:00:05.0-ata-1-part2': '-> /dev/sda2',
    '/dev/disk/by-uuid/00000000-0000-0000-0000-000000000009': '-> /dev/sda2',
    '/dev/dumpdisk': '-> /dev/sda2',
  };
  test.each([
    ['/dev/disk/by-id/wwn-0x5000-part2', /does not know this name \| write UUID=00000000-.*9 instead/],
    ['/dev/disk/by-id/not-there', /does not know this name/],
    ['/dev/dumpdisk', /does not know this name/],
    ['/dev/disk/by-path/pci-0000:00:05.0-ata-1-part2', undefined],
    ['/dev/disk/by-uuid/00000000-0000-0000-0000-000000000009', undefined],
    ['/dev/sda2', undefined],
    [UUID(9), undefined],
  ])('a fallback named %s', (name, refused) => {
    const texts = found(files, `ext4 ${UUID(1)}\nfallback_target ext4 ${name}\n`);
    expect(texts).toEqual(refused ? [expect.stringMatching(refused)] : []);
  });

  test('the target itself may be named by-id: the capture finds it by its UUID', () =>
    expect(found(files, 'ext4 /dev/disk/by-id/wwn-0x5000-part2\n')).toEqual([]));

  test('a fallback that does not exist now is a warning', () =>
    expect(found(files, `ext4 ${UUID(1)}\nfallback_target xfs LABEL=spare\n`)).toEqual([
      expect.stringMatching(/^warning: the fallback target LABEL=spare does not exist now/),
    ]));
});

describe('what is on the device', () => {
  const with1 = (bytes: string, more: Files = {}) =>
    found({ ...VDA, '/dev/vda1': bytes, ...more }, 'ext4 /dev/vda1\n');

  test('another file system than configured, and none', () => {
    const xfs = Buffer.alloc(0x11000);
    xfs.write('XFSB');
    xfs[48 + 7] = 1;
    expect(with1(xfs.toString('latin1'))).toEqual([expect.stringMatching(/\/dev\/vda1 has xfs, not ext4/)]);
    expect(with1('\0'.repeat(4096))).toEqual([expect.stringMatching(/\/dev\/vda1 has no ext4 file system/)]);
  });

  test('a device that is in use by others', () =>
    expect(with1(ext4(1), { [`${PCI_DISK}/vda1/holders/md0/`]: '' })).toEqual([
      expect.stringMatching(/\/dev\/vda1 is in use by \/dev\/md0/),
    ]));

  test('half of an md mirror, whose file system is visible on it', () => {
    const bytes = Buffer.alloc(409600 * 512);
    bytes.write(ext4(1), 0, 'latin1');
    bytes.write('fc4e2ba9', bytes.length - 8192, 'hex');
    const host = { ...VDA, '/dev/vda1': bytes.toString('latin1') };
    expect(found(host, 'ext4 /dev/vda1\n')).toEqual([
      expect.stringMatching(/a member of a larger device \(RAID member\)/),
    ]);
  });

  test('an ext4 whose journal is on another device', () => {
    const bytes = Buffer.from(ext4(1), 'latin1');
    bytes.writeUInt32LE(0xfe01, 0x400 + 0xe4);
    expect(with1(bytes.toString('latin1'))).toEqual([
      expect.stringMatching(/its file system keeps its journal on another device/),
    ]);
  });

  test('a bare partition that is not marked', () => {
    const files = { ...VDA, '/dev/vda1': ext4(1), ...virtual('vdz'), ...block(`${PCI}/virtio2/block/vdb`) };
    const texts = found(
      { ...files, '/dev/vdb': '\0'.repeat(4096) },
      `ext4 ${UUID(1)}\nfallback_target raw /dev/vdb\n`,
    );
    expect(texts).toEqual([
      expect.stringMatching(/it is not marked for dumps \| run `kdumpling recover --mark \/dev\/vdb`/),
    ]);
  });
});

describe('the path', () => {
  const mountinfo = '21 1 254:1 / / rw - ext4 /dev/vda1 rw\n';
  const files: Files = { ...VDA, '/dev/vda1': ext4(1), '/proc/self/mountinfo': mountinfo };
  test.each<[string, Files, RegExp | undefined]>([
    ['a directory', { '/var/crash/': '' }, undefined],
    ['one that does not exist yet', { '/var/': '' }, undefined],
    ['a link', { '/var/crash': '-> ../srv', '/srv/': '' }, /\/var\/crash is a symbolic link to \/srv/],
    [
      'a link that leads nowhere',
      { '/var/crash': '-> ../gone' },
      /\/var\/crash is a symbolic link to nothing/,
    ],
    ['a link on the way', { '/var': '-> srv', '/srv/crash/': '' }, /\/var is a symbolic link to \/srv/],
    ['a file', { '/var/crash': 'text' }, /\/var\/crash is not a directory/],
    ['a file on the way', { '/var': 'text' }, /\/var is not a directory/],
  ])('on a named target: %s', (_, more, refused) => {
    const texts = found({ ...files, ...more }, `ext4 ${UUID(1)}\npath /var/crash\n`);
    expect(texts).toEqual(refused ? [expect.stringMatching(refused)] : []);
  });

  test('without a target line links are followed, and a file is refused', () => {
    expect(found({ ...files, '/var/crash': '-> ../srv', '/srv/': '' }, '')).toEqual([]);
    expect(found({ ...files, '/var/crash': 'text' }, '')).toEqual([
      expect.stringMatching(/is not a directory/),
    ]);
  });
});
