/** One resolver of where dumps are, asked in both directions. test/hosts/dump-location.test.ts asks it about real mounts. */
import { describe, expect, test } from 'vitest';
import { settingsOf } from '../../../../scripts/lib/config/config.ts';
import { hostDumps } from '../../../../scripts/lib/dumps/host-dumps.ts';
import { mountOf, parseMountinfo } from '../../../../scripts/lib/host/mounts.ts';
import { captureView } from '../../../../scripts/lib/storage/btrfs-view.ts';
import { locate, placeOf, readMounts } from '../../../../scripts/lib/storage/dump-location.ts';
import {
  captureFallbacks,
  dumpDirectories,
  hostTarget,
  mountsForDumps,
} from '../../../../scripts/lib/storage/host-target.ts';
import { removeReportUnit, writeReportUnit } from '../../../../scripts/lib/storage/report-unit.ts';
import { targetFindings } from '../../../../scripts/lib/storage/target-findings.ts';
import { type Files, hostWith, textOf } from '../../../support/host-root.ts';
import { block, ext4, PCI_DISK, UUID, VDA } from './machine.ts';

const ROOT = '21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n';
const VAR = '30 21 254:2 / /var rw,relatime shared:2 - ext4 /dev/vda2 rw\n';
const MACHINE: Files = {
  ...VDA,
  ...block(`${PCI_DISK}/vda2`, { partition: '2\n' }),
  '/dev/vda1': ext4(1),
  '/dev/vda2': ext4(2),
  '/proc/self/mountinfo': ROOT,
};
const machine = (files: Files) => hostWith({ ...MACHINE, ...files });

interface Case {
  readonly mountinfo: string;
  readonly files?: Files;
  readonly device: string;
  readonly path: string;
  readonly location: object;
}

const CASES: Readonly<Record<string, Case>> = {
  'the root file system': {
    mountinfo: ROOT,
    device: '/dev/vda1',
    path: '/var/crash',
    location: { kind: 'visible', directory: '/var/crash' },
  },
  'a separate /var': {
    mountinfo: ROOT + VAR,
    device: '/dev/vda2',
    path: '/crash',
    location: { kind: 'visible', directory: '/var/crash' },
  },
  'a directory of the root file system under a separate /var': {
    mountinfo: ROOT + VAR,
    device: '/dev/vda1',
    path: '/var/crash',
    location: { kind: 'hidden', directory: '/var/crash', by: '/var' },
  },
  'the same, while the root is mounted elsewhere too': {
    mountinfo: `${ROOT}${VAR}40 21 254:1 / /mnt/root rw - ext4 /dev/vda1 rw\n`,
    device: '/dev/vda1',
    path: '/var/crash',
    location: { kind: 'visible', directory: '/mnt/root/var/crash' },
  },
  'a bind mount over the directory': {
    mountinfo: `${ROOT}40 21 254:1 /srv/dumps /var/crash rw - ext4 /dev/vda1 rw\n`,
    device: '/dev/vda1',
    path: '/var/crash',
    location: { kind: 'hidden', directory: '/var/crash', by: '/var/crash' },
  },
  'what that bind mount shows': {
    mountinfo: `${ROOT}40 21 254:1 /srv/dumps /var/crash rw - ext4 /dev/vda1 rw\n`,
    device: '/dev/vda1',
    path: '/srv/dumps',
    location: { kind: 'visible', directory: '/srv/dumps' },
  },
  'a mount that was covered by a later one on its parent': {
    mountinfo: `${ROOT}${VAR}50 21 254:1 / / rw - ext4 /dev/vda1 rw\n`,
    device: '/dev/vda2',
    path: '/crash',
    location: { kind: 'hidden', directory: '/var/crash', by: '/' },
  },
  'a disk that is not mounted, with a line in fstab': {
    mountinfo: ROOT,
    files: { '/etc/fstab': `# comment\n${UUID(2)} /mnt/dump\\040disk ext4 noauto 0 2\n` },
    device: '/dev/vda2',
    path: '/crash',
    location: { kind: 'not mounted', mountpoint: '/mnt/dump disk', directory: '/mnt/dump disk/crash' },
  },
  'a disk that is not mounted, without one': {
    mountinfo: ROOT,
    device: '/dev/vda2',
    path: '/crash',
    location: { kind: 'not mounted' },
  },
};

describe.each(Object.entries(CASES))('%s', (_, { mountinfo, files, device, path, location }) => {
  const host = () => machine({ '/proc/self/mountinfo': mountinfo, ...files });

  test('from the file system to the machine', () => {
    expect(locate(host(), readMounts(host()), device, path)).toEqual(location);
  });

  test('and back', () => {
    if (!('kind' in location) || location.kind !== 'visible') return;
    const { directory } = location as unknown as { directory: string };
    const place = placeOf(host(), readMounts(host()), directory)!;
    expect({ source: place.mount.source, path: place.path }).toEqual({ source: device, path });
  });
});

describe('a configuration whose dumps would be hidden', () => {
  const config = `ext4 ${UUID(1)}\npath /var/crash\n`;
  const host = () => machine({ '/proc/self/mountinfo': ROOT + VAR, '/var/crash/': '' });
  const settings = settingsOf(config, 'kdump.conf');

  test('the other file system’s directory is not taken for it', () => {
    expect(hostTarget(host(), settings).directory).toBeUndefined();
    expect(dumpDirectories(host(), settings)).toEqual([]);
  });

  test('is refused, with what to write', () => {
    expect(targetFindings(host(), hostTarget(host(), settings))).toEqual([
      {
        blocks: true,
        text: `dumps cannot go to ${UUID(1)}: its directory /var/crash is hidden under the mount on /var`,
        fix: 'name the file system on /var as the target in /etc/kdump.conf, or a path outside /var',
      },
    ]);
  });
});

describe('btrfs', () => {
  const superblock = () => {
    const bytes = Buffer.alloc(0x11000);
    bytes.write('5f42485266535f4d', 0x10040, 'hex');
    bytes[0x10020 + 15] = 3;
    bytes[0x10088] = 1;
    return bytes.toString('latin1');
  };
  // As openSUSE lays it out: the root is a snapshot, which is the default subvolume.
  const MOUNTS =
    '21 1 0:30 /@/.snapshots/1/snapshot / rw - btrfs /dev/vda1 rw,subvolid=266,subvol=/@/.snapshots/1/snapshot\n' +
    '30 21 0:30 /@/var /var rw - btrfs /dev/vda1 rw,subvolid=258,subvol=/@/var\n';
  const host = () => machine({ '/dev/vda1': superblock(), '/proc/self/mountinfo': MOUNTS });
  test.each([
    ['', '/@/var/crash', 'subvolid=5', '/var/crash'],
    ['mount_options compress=zstd\n', '/@/var/crash', 'subvolid=5,compress=zstd', '/var/crash'],
    ['mount_options subvol=/@/home\n', '/@/var/crash', 'subvolid=5', '/var/crash'],
    [`btrfs ${UUID(3)}\npath /@/var/crash\n`, '/@/var/crash', 'subvolid=5', '/var/crash'],
    [
      `btrfs ${UUID(3)}\npath /@/var/crash\nmount_options compress=zstd,ssd\n`,
      '/@/var/crash',
      'subvolid=5,compress=zstd,ssd',
      '/var/crash',
    ],
    [
      `btrfs ${UUID(3)}\npath /crash\nmount_options subvol=@/var,compress=zstd\n`,
      '/@/var/crash',
      'subvolid=5,compress=zstd',
      '/var/crash',
    ],
    [
      `btrfs ${UUID(3)}\npath /crash\nmount_options subvolid=258\n`,
      '/@/var/crash',
      'subvolid=5',
      '/var/crash',
    ],
    [`btrfs ${UUID(3)}\npath /crash\nmount_options subvolid=5\n`, '/crash', 'subvolid=5', undefined],
  ])('%j', (config, path, mountOptions, directory) => {
    const target = hostTarget(host(), settingsOf(config, 'kdump.conf'));
    expect(target).toMatchObject({ path, mountOptions, directory });
    expect(targetFindings(host(), target)).toEqual([]);
  });

  test('a subvolume that is not mounted is known by its path, not by its ID', () => {
    const target = hostTarget(
      host(),
      settingsOf(`btrfs ${UUID(3)}\nmount_options subvolid=999\n`, 'kdump.conf'),
    );
    expect(target.directory).toBeUndefined();
    expect(targetFindings(host(), target)).toEqual([
      expect.objectContaining({ blocks: true, text: expect.stringContaining('subvolid=999') }),
    ]);
  });

  test('an image for another machine has the same view', () => {
    expect(captureView('btrfs', {})).toEqual({ mountOptions: 'subvolid=5', path: '/var/crash' });
    expect(captureView('btrfs', { mountOptions: 'subvol=/@/var,ssd', path: '/crash' })).toEqual({
      mountOptions: 'subvolid=5,ssd',
      path: '/@/var/crash',
    });
    expect(captureView('ext4', { mountOptions: 'data=journal' })).toEqual({});
  });

  test('a fallback is mounted from the top, like the target', () => {
    expect(
      captureFallbacks(['btrfs LABEL=x', 'btrfs LABEL=x subvol=/@', 'ext4 LABEL=y', 'raw /dev/vdb']),
    ).toEqual(['btrfs LABEL=x subvolid=5', 'btrfs LABEL=x subvol=/@', 'ext4 LABEL=y', 'raw /dev/vdb']);
  });

  test('on two disks', () => {
    const two = Buffer.from(superblock(), 'latin1');
    two[0x10088] = 2;
    const spread = machine({ '/dev/vda1': two.toString('latin1'), '/proc/self/mountinfo': MOUNTS });
    expect(targetFindings(spread, hostTarget(spread, settingsOf('', 'kdump.conf')))).toEqual([
      expect.objectContaining({ blocks: true, text: expect.stringContaining('spans several devices') }),
    ]);
  });
});

test('the mounts that a unit must wait for', () => {
  const host = machine({
    '/proc/self/mountinfo': ROOT,
    '/etc/fstab': `${UUID(2)} /dumps ext4 defaults 0 2\n`,
  });
  const config = `ext4 ${UUID(2)}\npath /crash\nfallback_target ext4 ${UUID(1)}\n`;
  expect(mountsForDumps(host, settingsOf(config, 'kdump.conf'))).toEqual(['/dumps/crash', '/crash']);
});

test('the report’s unit waits for these mounts, until kdumpling is disabled', () => {
  const ran: string[] = [];
  const host = hostWith(
    {
      ...MACHINE,
      '/etc/fstab': `${UUID(2)} /dump\\040disk%1 ext4 defaults 0 2\n`,
      '/usr/lib/systemd/system/kdumpling-report.service': '',
      '/run/systemd/system/': '',
    },
    { systemctl: args => String(ran.push(args.join(' '))) },
  );
  const settings = settingsOf(`ext4 ${UUID(2)}\npath /crash\n`, 'kdump.conf');
  writeReportUnit(host, settings);
  writeReportUnit(host, settings);
  expect(textOf(host, '/etc/systemd/system/kdumpling-report.service.d/mounts.conf')).toContain(
    '\n[Unit]\nRequiresMountsFor="/dump disk%%1/crash"\n',
  );
  removeReportUnit(host);
  removeReportUnit(host);
  expect(host.list('/etc/systemd/system')).toEqual([]);
  expect(ran).toEqual(['daemon-reload', 'daemon-reload']);
});

test('who looks for dumps learns why they are not visible', () => {
  const config = `ext4 ${UUID(1)}\npath /var/crash\n`;
  const hidden = machine({ '/proc/self/mountinfo': ROOT + VAR, '/etc/kdump.conf': config });
  expect(() => hostDumps(hidden)).toThrow(
    `Cannot look for dumps on ext4 ${UUID(1)}: its directory /var/crash is hidden under the mount on /var. Name`,
  );
  const away = machine({
    '/etc/kdump.conf': config.replace(UUID(1), UUID(2)),
    '/etc/fstab': `${UUID(2)} /dumps ext4 noauto 0 2\n`,
  });
  expect(() => hostDumps(away)).toThrow(
    `Cannot look for dumps on ext4 ${UUID(2)}: it is not mounted. Mount /dumps`,
  );
});

test('several mounts on one mount point, and one on a directory below', () => {
  const mounts = parseMountinfo(
    `${ROOT}30 21 0:1 / /a rw - tmpfs one rw\n31 30 0:2 / /a rw - tmpfs two rw\n32 31 0:3 / /a/b rw - tmpfs three rw\n`,
  );
  expect(['/x', '/a/x', '/a/b/c'].map(path => mountOf(mounts, path)?.source)).toEqual([
    '/dev/vda1',
    'two',
    'three',
  ]);
});
