/** `--root` of an image: what is asked of its files, and what of the machine that its disk is attached to. */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findingsOf } from '../../../../scripts/lib/arming/checks.ts';
import { readFacts } from '../../../../scripts/lib/arming/facts.ts';
import { reserveAtNextBoot } from '../../../../scripts/lib/arming/reserve.ts';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { readConfig } from '../../../../scripts/lib/config/config.ts';
import { NO_SETTINGS } from '../../../../scripts/lib/config/directives.ts';
import { hostDumps } from '../../../../scripts/lib/dumps/host-dumps.ts';
import { openGivenHost } from '../../../../scripts/lib/host/given-root.ts';
import type { Host } from '../../../../scripts/lib/host/host.ts';
import { mountsBelow, openImageHost } from '../../../../scripts/lib/host/image-host.ts';
import { hostKernel } from '../../../../scripts/lib/host/kernel-files.ts';
import { withHostLock } from '../../../../scripts/lib/host/lock.ts';
import { parseMountinfo } from '../../../../scripts/lib/host/mounts.ts';
import { setSysctls } from '../../../../scripts/lib/host/sysctls.ts';
import { readState } from '../../../../scripts/lib/status/state.ts';
import { stateText } from '../../../../scripts/lib/status/text.ts';
import { hostDiskDrivers } from '../../../../scripts/lib/storage/disk-drivers.ts';
import { hostTarget } from '../../../../scripts/lib/storage/host-target.ts';
import { VERBS } from '../../../../scripts/verb-table.ts';
import { type Commands, type Files, hostWith, textOf } from '../../../support/host-root.ts';
import { recordOutput } from '../../../support/recorded-output.ts';

const output = recordOutput();

const UUID = '498f2c98-9b1e-4876-811e-26448d28747f';
const GRUB = '/boot/grub/grub.cfg';
const IMAGE: Files = {
  '/etc/kdump.conf': 'path /var/crash\n',
  '/etc/default/grub': '',
  [GRUB]: '\tlinux /boot/vmlinuz-6.1.0-56 ro quiet\n',
  '/boot/vmlinuz-6.1.0-9': '',
  '/boot/vmlinuz-6.1.0-56': '',
  '/lib/modules/6.1.0-9/': '',
  '/lib/modules/6.1.0-56/modules.builtin':
    'kernel/loop.ko\nkernel/squashfs.ko\nkernel/ext4.ko\nkernel/virtio_blk.ko\n',
  '/lib/modules/6.1.0-99/': '',
  '/var/crash/20261121T220234Z/vmcore': 'x',
  '/proc/': '',
};
const UPDATES: Commands = {
  'update-grub': (_, host) => {
    const words = /crashkernel=\S+/.exec(host.read('/etc/default/grub.d/kdumpling.cfg') ?? '')?.[0] ?? '';
    host.write(GRUB, `\tlinux /boot/vmlinuz-6.1.0-56 ro quiet ${words.replace('"', '')}\n`);
    return '';
  },
};

/** @param mountpoint where the running machine mounted the image; undefined for the image's own root. */
function attached(files: Files = {}, commands: Commands = {}, mountpoint?: string): Host {
  const disk = hostWith({ ...IMAGE, ...files }, commands);
  const running = hostWith({
    '/proc/self/mountinfo': [
      '21 1 254:1 / / rw - ext4 /dev/vda1 rw',
      `30 21 7:1 / ${mountpoint ?? disk.root} rw - ext4 /dev/loop0p1 rw,errors=remount-ro`,
      '',
    ].join('\n'),
    '/proc/sys/kernel/osrelease': '7.0.0-builder\n',
    '/proc/cmdline': 'crashkernel=512M builder\n',
    '/proc/meminfo': 'MemTotal: 1000000 kB\n',
    '/sys/kernel/kexec_crash_size': '536870912\n',
    '/sys/kernel/kexec_crash_loaded': '1\n',
    '/dev/loop0p1': '',
    [`/dev/disk/by-uuid/${UUID}`]: '-> /dev/loop0p1',
    '/sys/devices/virtual/block/loop0/loop0p1/dev': '7:1\n',
    '/sys/class/block/loop0p1': '-> /sys/devices/virtual/block/loop0/loop0p1',
    '/sys/dev/block/7:1': '-> /sys/devices/virtual/block/loop0/loop0p1',
  });
  return { ...openImageHost(disk.root, running), run: disk.run };
}

test('the kernel is the newest one that the image can boot, and not the running one', () => {
  expect(hostKernel(attached())).toBe('6.1.0-56');
  expect(hostKernel(attached({ '/lib/modules/6.2.0-rc1/': '', '/boot/vmlinuz-6.2.0-rc1': '' }))).toBe(
    '6.2.0-rc1',
  );
});

test('dumps of a machine that boots from it go to its own file system', () => {
  const host = attached();
  expect(hostTarget(host, NO_SETTINGS)).toMatchObject({
    target: `UUID=${UUID}`,
    fstype: 'ext4',
    path: '/var/crash',
    directory: '/var/crash',
  });
});

test('a root that is not mounted has no file system of its own, and the builder’s is not taken for it', () => {
  expect(() => hostTarget(attached({}, {}, '/elsewhere'), NO_SETTINGS)).toThrow(
    /^Cannot dump to \/var\/crash: /,
  );
});

test('a target that the config names need not be here', () => {
  const host = attached({ '/etc/kdump.conf': 'xfs LABEL=dumps\n' }, {}, '/elsewhere');
  const target = hostTarget(host, readConfig(host));
  expect(target).toMatchObject({ target: 'LABEL=dumps', fstype: 'xfs', location: { kind: 'not mounted' } });
  expect(hostDiskDrivers(host, undefined as never, target)).toBeUndefined();
  expect(findingsOf(readFacts(host)).filter(({ check }) => check === 'target')).toEqual([]);
});

test('nothing of the running machine is taken for the image’s', () => {
  const facts = readFacts(attached());
  expect(facts).toMatchObject({
    reserved: { bytes: 0, loadBytes: 0, cmaBytes: 0 },
    isLoaded: false,
    commandLineHas: false,
    dump: undefined,
  });
  expect(facts.crashCommandLine.text).not.toMatch(/builder/);
  expect(facts.reservation.leastBytes >> 20).toBe(224);
});

test('it is enabled by its own boot loader, for machines of any size', () => {
  const host = attached({}, UPDATES);
  expect(readState(host).findings.map(({ text, fix }) => `${text}: ${fix}`)).toEqual([
    `no memory will be reserved at the next boot: kdumpling enable --root ${host.root}`,
    `there is no dump-capture initrd for 6.1.0-56: kdumpling rebuild --root ${host.root}`,
  ]);
  expect(reserveAtNextBoot(host, NO_SETTINGS, undefined).values).toEqual(['224M']);
  expect(textOf(host, GRUB)).toMatch(/crashkernel=224M/);
  host.write('/boot/initramfs-6.1.0-56kdump.img', 'image');
  const state = readState(host);
  expect(state.findings.filter(({ blocks }) => blocks)).toEqual([]);
  expect(stateText(state)).toMatch(/^reserved: at boot, minimum 208M$/m);
  expect(stateText(state).split('\n').at(-1)).toBe('enabled: a machine that boots from here is armed');
});

test('settings are written for its boots, and the running kernel’s stay', () => {
  const host = attached();
  setSysctls(host);
  expect(textOf(host, '/etc/sysctl.d/60-kdumpling.conf')).toMatch(/^-kernel\.panic_on_oops = 1$/m);
  expect(readdirSync(`${host.root}/proc`)).toEqual([]);
});

test('a lock leaves nothing in it', async () => {
  const host = attached();
  expect(await withHostLock(host, new AbortController().signal, () => 1)).toBe(1);
  expect(readdirSync(host.root)).not.toContain('run');
});

test.skipIf(process.getuid?.() !== 0)('its dumps are found', () => {
  expect(hostDumps(attached()).dumps.map(({ id }) => id)).toEqual(['20261121T220234Z']);
});

describe('the mounts below a root', () => {
  const lines = [
    '21 1 254:1 / / rw - ext4 /dev/vda1 rw',
    '30 21 7:1 / /mnt/my\\040image rw - btrfs /dev/loop0p1 rw',
    '31 30 7:2 /sub /mnt/my\\040image/var rw shared:1 - xfs /dev/loop0p2 rw',
    '32 21 7:3 / /mnt/my\\040image2 rw - xfs /dev/loop0p3 rw',
    '33 30 7:4 / /mnt/my\\040image/a\\040b rw - xfs /dev/loop0p4 rw',
  ].join('\n');

  test('are as the machine would see them', () => {
    const mounts = parseMountinfo(mountsBelow('/mnt/my image', lines));
    expect(mounts.map(({ mountpoint, source }) => [mountpoint, source])).toEqual([
      ['/', '/dev/loop0p1'],
      ['/var', '/dev/loop0p2'],
      ['/a b', '/dev/loop0p4'],
    ]);
  });

  test('of several on one mount point, the one that is seen', () => {
    const covered = `${lines}\n40 30 7:9 / /mnt/my\\040image rw - ext4 /dev/loop9 rw`;
    const mounts = parseMountinfo(mountsBelow('/mnt/my image', covered));
    const tops = mounts.filter(({ mountpoint }) => mountpoint === '/');
    expect(tops.map(({ source }) => source)).toEqual(['/dev/loop9']);
  });

  test('of a directory that is none', () => expect(mountsBelow('/mnt', lines)).not.toMatch(/ \/ \/ /));
});

describe('which of them is meant', () => {
  test('a copy of what a machine says of itself is that machine', () => {
    const host = hostWith({ '/proc/self/mountinfo': '', '/proc/sys/kernel/osrelease': '6.1.0\n' });
    expect(openGivenHost(host.root).isImage).toBe(false);
  });

  test('a disk with an empty /proc is an image, also through a link', () => {
    const { root } = hostWith({ '/proc/': '' });
    mkdirSync(`${root}/links`);
    symlinkSync(root, `${root}/links/here`);
    expect(openGivenHost(`${root}/links/here`)).toMatchObject({ isImage: true, root });
  });

  test('the running machine itself', () => expect(openGivenHost('/').isImage).toBe(false));
  test('no directory', () => expect(() => openGivenHost('/etc/passwd')).toThrow(/use --root.*a directory/));
});

test.each(['load', 'unload', 'test'])('%s refuses a root by name', async name => {
  await runCommand(await VERBS[name]!(), ['--root', '/']);
  expect(output.said).toEqual([
    `Cannot run kdumpling ${name} with --root: it is about the running kernel. Run it on the machine itself, without --root`,
  ]);
  expect(process.exitCode).toBe(2);
});

test.each([
  ...['enable', 'disable', 'rebuild', 'show', 'estimate', 'import-config'],
  ...['list', 'info', 'verify', 'report', 'dmesg', 'upload', 'cleanup'],
])('%s takes a root', async name => {
  expect((await VERBS[name]!()).options).toHaveProperty('root');
});
