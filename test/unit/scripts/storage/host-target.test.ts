import { describe, expect, test } from 'vitest';
import { NO_SETTINGS } from '../../../../scripts/lib/config/directives.ts';
import {
  mountOf,
  parseMountinfo,
  pathInFileSystem,
  pathOnMachine,
} from '../../../../scripts/lib/host/mounts.ts';
import { dumpDirectories, hostTarget } from '../../../../scripts/lib/storage/host-target.ts';
import { hostWith } from '../../../support/host-root.ts';
import { ext4, UUID } from './machine.ts';

const ROOT = '21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard\n';
const VAR = '30 21 254:2 / /var rw,relatime shared:2 - ext4 /dev/vda2 rw\n';
const DEVICES = {
  '/dev/vda1': ext4(1),
  '/dev/vda2': ext4(2),
  '/sys/class/block/vda1/': '',
  '/sys/class/block/vda2/': '',
};

describe('without a target line, the file system that holds the path', () => {
  test.each([
    ['the root', ROOT, {}, { target: UUID(1), path: '/var/crash', directory: '/var/crash' }],
    ['a separate /var', ROOT + VAR, {}, { target: UUID(2), path: '/crash', directory: '/var/crash' }],
    [
      'a bind mount: the file system has it elsewhere',
      `${ROOT}31 21 254:2 /data/dumps /var/crash rw - ext4 /dev/vda2 rw\n`,
      { '/var/crash/': '' },
      { target: UUID(2), path: '/data/dumps', directory: '/var/crash' },
    ],
    [
      'ostree: /var is a directory of the stateroot',
      `${ROOT}31 21 254:2 /ostree/deploy/fedora-coreos/var /var rw - ext4 /dev/vda2 rw\n`,
      {},
      { target: UUID(2), path: '/ostree/deploy/fedora-coreos/var/crash', directory: '/var/crash' },
    ],
    [
      'a link',
      `${ROOT}30 21 254:2 / /srv rw - ext4 /dev/vda2 rw\n`,
      { '/srv/': '', '/var/crash': '-> /srv' },
      { target: UUID(2), path: '/', directory: '/srv' },
    ],
    [
      'a link above a directory that does not exist yet',
      `${ROOT}30 21 254:2 / /srv rw - ext4 /dev/vda2 rw\n`,
      { '/srv/var/': '', '/var': '-> /srv/var' },
      { target: UUID(2), path: '/var/crash', directory: '/srv/var/crash' },
    ],
    [
      '/dev/root of an old kernel',
      ROOT.replace('/dev/vda1', '/dev/root'),
      { '/sys/devices/vda1/': '', '/sys/dev/block/254:1': '-> /sys/devices/vda1' },
      { target: UUID(1), device: '/dev/vda1' },
    ],
    [
      'what is mounted over it',
      ROOT + VAR + VAR.replaceAll('254:2', '254:1').replace('vda2', 'vda1'),
      {},
      { target: UUID(1) },
    ],
  ])('%s', (_, mountinfo, files, expected) => {
    const host = hostWith({ ...DEVICES, '/proc/self/mountinfo': mountinfo, ...files });
    expect(hostTarget(host, NO_SETTINGS)).toMatchObject({ fstype: 'ext4', ...expected });
  });

  test('a device without a superblock that we know is named by its link, or by its name', () => {
    const host = hostWith({
      '/dev/vda1': '',
      '/dev/disk/by-uuid/AB-12': '-> /dev/vda1',
      '/proc/self/mountinfo': ROOT,
    });
    expect(hostTarget(host, NO_SETTINGS).target).toBe('UUID=AB-12');
    const bare = hostWith({ '/dev/vda1': '', '/proc/self/mountinfo': ROOT });
    expect(hostTarget(bare, NO_SETTINGS).target).toBe('/dev/vda1');
  });

  test.each([
    [
      'an overlay',
      '21 1 0:25 / / rw - overlay overlay rw\n',
      /it is on overlay, a union of directories \(overlay\); expected .*\. Name one in \/etc\/kdump.conf/,
    ],
    ['NFS', '21 1 0:25 / / rw - nfs4 s:/root rw\n', /it is on nfs4, a network file system \(s:\/root\)/],
    [
      'a host’s directory',
      '21 1 0:25 / / rw - virtiofs root rw\n',
      /it is on virtiofs, a directory of the host/,
    ],
    ['9p', '21 1 0:25 / / rw - 9p root rw\n', /it is on 9p/],
    ['ZFS', '21 1 0:25 / / rw - zfs rpool/ROOT rw\n', /it is on zfs, a pool/],
    ['squashfs', '21 1 7:0 / / ro - squashfs /dev/loop0 ro\n', /it is on squashfs, read-only/],
    ['a tmpfs', `${ROOT}30 21 0:30 / /var rw - tmpfs tmpfs rw\n`, /it is on tmpfs/],
    ['a device that is not there', ROOT.replace('vda1', 'vdz9'), /there is no block device \/dev\/vdz9/],
    ['nothing', '', /mountinfo does not say/],
  ])('%s is refused', (_, mountinfo, message) => {
    const host = hostWith({ ...DEVICES, '/proc/self/mountinfo': mountinfo });
    expect(() => hostTarget(host, NO_SETTINGS)).toThrow(message);
  });
});

test('a subvolume of btrfs: the path is seen from the top of them all', () => {
  const mountinfo = `${ROOT}30 21 0:40 /@var /var rw - btrfs /dev/vda2 rw,subvolid=257,subvol=/@var\n`;
  const host = hostWith({ '/dev/vda2': '', '/proc/self/mountinfo': mountinfo });
  expect(hostTarget(host, NO_SETTINGS)).toMatchObject({
    fstype: 'btrfs',
    path: '/@var/crash',
    mountOptions: 'subvolid=5',
    directory: '/var/crash',
  });
});

describe('with a target line', () => {
  const settings = (target: string) => ({
    ...NO_SETTINGS,
    options: { fstype: 'ext4', target, path: '/dumps' },
  });
  const host = () =>
    hostWith({ ...DEVICES, '/proc/self/mountinfo': `${ROOT}30 21 254:2 / /mnt rw - ext4 /dev/vda2 rw\n` });

  test('mounted: the directory is seen', () => {
    expect(hostTarget(host(), settings(UUID(2)))).toEqual({
      target: UUID(2),
      fstype: 'ext4',
      path: '/dumps',
      targetUuid: '',
      mountOptions: 'rw,rw',
      device: '/dev/vda2',
      directory: '/mnt/dumps',
      location: { kind: 'visible', directory: '/mnt/dumps' },
    });
  });

  test('named by its device: its UUID goes with it', () => {
    const { target, targetUuid } = hostTarget(host(), settings('/dev/vda2'));
    expect({ target, targetUuid }).toEqual({ target: '/dev/vda2', targetUuid: UUID(2).slice(5) });
  });

  test('there and not mounted, and not there', () => {
    const unmounted = hostWith({ ...DEVICES, '/proc/self/mountinfo': ROOT });
    expect(hostTarget(unmounted, settings(UUID(2)))).toMatchObject({
      device: '/dev/vda2',
      directory: undefined,
    });
    expect(hostTarget(host(), settings(UUID(9))).device).toBeUndefined();
  });

  test('mounted in part, and the directory is not in that part', () => {
    const part = hostWith({
      ...DEVICES,
      '/proc/self/mountinfo': `${ROOT}30 21 254:2 /home /mnt rw - ext4 /dev/vda2 rw\n`,
    });
    expect(hostTarget(part, settings(UUID(2))).directory).toBeUndefined();
  });
});

test('dumps are looked for on the target and on what stands in for it', () => {
  const mountinfo = `${ROOT}30 21 254:2 / /mnt rw - ext4 /dev/vda2 rw\n`;
  const host = hostWith({ ...DEVICES, '/proc/self/mountinfo': mountinfo });
  const options = { fallbackTargets: [`ext4 ${UUID(2)}`, 'xfs LABEL=not-there', 'raw /dev/vdz'] };
  expect(dumpDirectories(host, { ...NO_SETTINGS, options })).toEqual(['/var/crash', '/mnt/var/crash']);
});

test('mountinfo: blanks in names, no optional fields, several of them', () => {
  const mounts = parseMountinfo(
    '40 21 8:1 /a\\040b /mnt/c\\040d ro,noatime - xfs /dev/sda1 rw\n41 21 8:2 / /x rw shared:1 master:2 - ext4 /dev/sda2 rw\nnonsense\n',
  );
  expect(mounts).toHaveLength(2);
  expect(mounts[0]).toMatchObject({ root: '/a b', mountpoint: '/mnt/c d', fstype: 'xfs' });
  expect(mountOf(mounts, '/mnt/c d/e')).toBe(mounts[0]);
  expect(mountOf(mounts, '/mnt/c de')).toBeUndefined();
  expect(pathInFileSystem(mounts[0]!, '/mnt/c d/e')).toBe('/a b/e');
  expect(pathOnMachine(mounts[0]!, '/a b/e')).toBe('/mnt/c d/e');
  expect(pathOnMachine(mounts[0]!, '/a bc')).toBeUndefined();
});
