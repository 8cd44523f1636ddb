import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROGRAM_FILES } from '../../../../initrd/image.ts';
import { openModuleTree } from '../../../../initrd/modules.ts';
import { settingsOf } from '../../../../scripts/lib/config/config.ts';
import type { Host } from '../../../../scripts/lib/host/host.ts';
import { findImage } from '../../../../scripts/lib/host/kernel-files.ts';
import { ensureHostImage, removeHostImages } from '../../../../scripts/lib/image/host-image.ts';
import {
  hasRuntimeOn,
  isWithoutUnusedCode,
  requireRuntimeOn,
} from '../../../../scripts/lib/image/lean-runtime.ts';
import { damageOf, readStamp } from '../../../../scripts/lib/image/stamp.ts';
import { hostDiskDrivers } from '../../../../scripts/lib/storage/disk-drivers.ts';
import { hostTarget } from '../../../../scripts/lib/storage/host-target.ts';
import { addFiles, type Files, hostWith, textOf } from '../../../support/host-root.ts';
import { archivesOf } from '../../../support/image.ts';

const KVER = '6.1.0';
const TREE = `/lib/modules/${KVER}`;
const DISK = '/sys/devices/pci0000:00/0000:00:04.0/virtio0';
const MACHINE: Files = {
  '/boot/': '',
  '/etc/kdump.conf': 'path /var/crash\n',
  '/proc/self/mountinfo': '21 1 254:1 / / rw - ext4 /dev/vda1 rw\n',
  '/dev/vda1': '',
  [`${DISK}/block/vda/vda1/`]: '',
  [`${DISK}/driver`]: '-> /sys/bus/virtio/drivers/virtio_blk',
  '/sys/bus/virtio/drivers/virtio_blk/module': '-> /sys/module/virtio_blk',
  '/sys/module/virtio_blk/': '',
  '/sys/class/block/vda1': `-> ${DISK}/block/vda/vda1`,
  [`${TREE}/modules.builtin`]: 'kernel/loop.ko\nkernel/squashfs.ko\nkernel/ext4.ko\n',
  [`${TREE}/modules.dep`]: 'kernel/virtio_blk.ko:\nkernel/gfs2.ko:\n',
  [`${TREE}/kernel/virtio_blk.ko`]: 'virtio',
  [`${TREE}/kernel/gfs2.ko`]: 'gfs2',
};

let program: string;
beforeAll(() => {
  program = mkdtempSync(join(tmpdir(), 'kdumpling-program-'));
});
afterAll(() => rmSync(program, { recursive: true }));

function installProgram(capture: string): void {
  mkdirSync(program, { recursive: true });
  for (const name of Object.values(PROGRAM_FILES).filter(file => file !== 'capture.js'))
    writeFileSync(join(program, name), name);
  // As a package manager does it: another inode, whatever its mtime.
  rmSync(join(program, 'capture.js'), { force: true });
  writeFileSync(join(program, 'capture.js'), capture);
}

const build = (host: Host, force = false) =>
  ensureHostImage(host, settingsOf(textOf(host, '/etc/kdump.conf'), '/etc/kdump.conf'), KVER, force, program);

test('it is built once, and rebuilt only if one of its inputs changed', () => {
  installProgram('v1');
  const host = hostWith(MACHINE);
  expect(build(host)).toMatchObject({ path: `/boot/initramfs-${KVER}kdump.img`, rebuilt: true });
  expect(build(host).rebuilt).toBe(false);
  addFiles(host, { '/etc/kdump.conf': '# a comment\npath /var/crash\n' });
  expect(build(host).rebuilt).toBe(false);
  addFiles(host, { '/etc/kdump.conf': 'path /var/crash\nfinal_action poweroff\n' });
  expect(build(host).rebuilt).toBe(true);
  addFiles(host, { '/etc/kdump.conf': 'path /var/crash\nfinal_action poweroff\nextra_modules gfs2\n' });
  expect(build(host).rebuilt).toBe(true);
  installProgram('v2');
  expect(build(host).rebuilt).toBe(true);
  addFiles(host, {
    [`${TREE}/modules.dep`]: 'kernel/virtio_blk.ko:\nkernel/gfs2.ko: kernel/virtio_blk.ko\n',
  });
  expect(build(host).rebuilt).toBe(true);
  expect(build(host).rebuilt).toBe(false);
  expect(build(host, true).rebuilt).toBe(true);
  host.remove(`/boot/initramfs-${KVER}kdump.img`);
  expect(build(host).rebuilt).toBe(true);
  expect(statSync(host.path(findImage(host, KVER)!)).mode & 0o777).toBe(0o600);
});

test('without /boot the image is in the state folder; disable removes every image', () => {
  installProgram('v1');
  const { '/boot/': _, ...files } = MACHINE;
  const host = hostWith(files);
  expect(build(host).path).toBe(`/var/lib/kdumpling/initramfs-${KVER}kdump.img`);
  addFiles(host, { '/boot/vmlinuz': '', '/boot/initrd.img-6.1.0': '' });
  expect(build(host).path).toBe(`/boot/initramfs-${KVER}kdump.img`);
  expect(host.list('/var/lib/kdumpling')).toEqual([`initramfs-${KVER}kdump.stamp`]);
  removeHostImages(host);
  expect(host.list('/var/lib/kdumpling')).toEqual([]);
  expect(host.list('/boot')).toEqual(['initrd.img-6.1.0', 'vmlinuz']);
});

describe('an image that is not the one that was built', () => {
  const cases: [string, (file: string) => void][] = [
    ['is truncated to 0', file => truncateSync(file, 0)],
    ['is cut', file => truncateSync(file, statSync(file).size - 1)],
    ['is longer', file => appendFileSync(file, 'x')],
    [
      'has 4 other bytes',
      file => {
        const bytes = readFileSync(file);
        bytes.write('XXXX', bytes.length >> 1);
        writeFileSync(file, bytes);
      },
    ],
  ];
  test.each(cases)('%s: it is rebuilt', (_, damage) => {
    installProgram('v1');
    const host = hostWith(MACHINE);
    const { path } = build(host);
    const before = readFileSync(host.path(path));
    damage(host.path(path));
    expect(damageOf(host, path, readStamp(host, KVER)!)).toMatch(/^it(s| has)/);
    expect(build(host).rebuilt).toBe(true);
    expect(readFileSync(host.path(path)).equals(before)).toBe(true);
    expect(damageOf(host, path, readStamp(host, KVER)!)).toBeUndefined();
    expect(build(host).rebuilt).toBe(false);
  });

  test.each(['', 'deadbeef\n', '{"inputs":1}', '{'])('has the stamp %j: it is rebuilt', stamp => {
    installProgram('v1');
    const host = hostWith(MACHINE);
    build(host);
    addFiles(host, { [`/var/lib/kdumpling/initramfs-${KVER}kdump.stamp`]: stamp });
    expect(build(host).rebuilt).toBe(true);
  });
});

const INSTALLED: Files = { '/usr/lib/kdumpling/runtime.squashfs': '' };
const ON_ANOTHER_DISK: Files = {
  ...INSTALLED,
  '/proc/self/mountinfo': `${MACHINE['/proc/self/mountinfo']}22 21 254:2 / /usr rw - ext4 /dev/vda2 rw\n`,
  '/dev/vda2': '',
};

describe('the lean layout', () => {
  const LEAN = { ...MACHINE, '/etc/kdump.conf': 'layout lean\n' };

  test('Node stays on the disk of the target', () => {
    installProgram('v1');
    const host = hostWith({ ...LEAN, ...INSTALLED });
    const parts = () => readFileSync(host.path(build(host).path), 'latin1').match(/runtime\.squashfs/g);
    expect(parts()).toBeNull();
    addFiles(host, { '/etc/kdump.conf': '' });
    expect(parts()).not.toBeNull();
  });

  test.each<[string, Files]>([
    ['is not installed', {}],
    ['is on another disk', ON_ANOTHER_DISK],
    [
      'is in a subvolume of its file system',
      { ...INSTALLED, '/proc/self/mountinfo': '21 1 254:1 /@ / rw - ext4 /dev/vda1 rw\n' },
    ],
    [
      'is a link to elsewhere',
      { '/usr/lib/kdumpling/runtime.squashfs': '-> /opt/runtime.squashfs', '/opt/runtime.squashfs': '' },
    ],
  ])('is refused where Node %s', (_, files) => {
    installProgram('v1');
    expect(() => build(hostWith({ ...LEAN, ...files }))).toThrow(
      /Cannot build a lean initrd for .*: that file system has no \/usr\/lib\/kdumpling\/runtime\.squashfs/,
    );
  });
});

describe('a self-contained image lacks code of Node', () => {
  const startsAgain = (files: Files) => {
    installProgram('v1');
    const host = hostWith({ ...MACHINE, ...files });
    const image = readFileSync(host.path(build(host).path));
    return Buffer.concat([...archivesOf(image)]).includes('again.sh');
  };

  test('where the target has the whole Node', () => expect(startsAgain(INSTALLED)).toBe(true));

  test.each<[string, Files]>([
    ['is not installed', {}],
    ['is on another disk', ON_ANOTHER_DISK],
  ])('and none where it %s', (_, files) => expect(startsAgain(files)).toBe(false));
});

test('what an image will have is known before it is there', () => {
  const both = { ...INSTALLED, '/usr/lib/kdumpling/runtime-used.squashfs': '' };
  const lacks = (files: Files) => {
    const host = hostWith({ ...MACHINE, ...files });
    return isWithoutUnusedCode(host, hostTarget(host, settingsOf('', 'kdump.conf')));
  };
  expect([{}, INSTALLED, both].map(lacks)).toEqual([false, false, true]);
});

/** The early stage mounts disks and partitions: to it, Node on a logical volume is not there. */
test('a runtime on a logical volume is none', () => {
  const VOLUME = {
    ...INSTALLED,
    '/proc/self/mountinfo': '21 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n',
    '/dev/mapper/vg-root': '-> ../dm-0',
    '/dev/dm-0': '',
  };
  const host = hostWith({ ...MACHINE, ...VOLUME });
  const target = hostTarget(host, settingsOf('', 'kdump.conf'));
  expect(hasRuntimeOn(host, target)).toBe(false);
  expect(() => requireRuntimeOn(host, target)).toThrow(/it is a logical volume/);
});

describe('the drivers of the disks', () => {
  const drivers = (files: Files, config = '') => {
    const host = hostWith({ ...MACHINE, ...files });
    const settings = settingsOf(config, 'kdump.conf');
    const tree = openModuleTree(host.path(TREE));
    return hostDiskDrivers(host, tree, hostTarget(host, settings), settings.options.fallbackTargets);
  };
  test('the ones in use', () => expect(drivers({})).toEqual(['virtio_blk']));

  test('a missing fallback could need any driver, so all common ones are included', () =>
    expect(drivers({}, 'fallback_target xfs LABEL=spare\n')).toBeUndefined());

  test('a missing target is refused', () =>
    expect(() => drivers({}, 'ext4 UUID=00-11\n')).toThrow(/Cannot dump to UUID=00-11: it does not exist/));
});
