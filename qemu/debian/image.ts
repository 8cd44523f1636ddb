/**
 * The disk image of a usual Debian 12: systemd, GRUB, the distribution's cloud kernel. Made once with debootstrap and mke2fs,
 * without a loop device; GRUB is installed during the guest's first boot.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { announced, type Cache, publishDir, requireSpace, withLock } from '../../build/cache.ts';
import { readHostMirror } from '../../build/fetch/sources.ts';
import { SystemError } from '../../capture/errors.ts';
import { makeSparse, tool } from '../disks/file-systems.ts';
import { labArch } from '../machine/arch.ts';
import { type DebianMachine, runDebian } from './machine.ts';

const SUITE = 'bookworm';
const ROOT_UUID = '6b64756d-706c-696e-672d-64656269616e';
/** Size of the whole disk. Its one partition begins at 1 MiB, as with every partitioner. */
export const DISK_MIB = 6144;
export const PARTITION_OFFSET = 1 << 20;
const SPACE_BYTES = 3e9;

const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'udev',
  'dbus',
  'kmod',
  `linux-image-cloud-${labArch().debian}`,
  'initramfs-tools',
  'busybox',
  'zstd',
  labArch().debianGuest.bootLoader,
  'e2fsprogs',
  'procps',
];

/** Services that do nothing here and cost minutes under software emulation. */
const MASKED = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
];

const FILES: Readonly<Record<string, string>> = {
  'etc/fstab': `UUID=${ROOT_UUID} / ext4 errors=remount-ro 0 1\n`,
  'etc/hostname': 'debian\n',
  'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 debian\n',
  'etc/apt/sources.list': 'deb [trusted=yes] file:/mnt/repository ./\n',
  // Software emulation on a busy host is slow.
  'etc/systemd/system.conf.d/slow.conf':
    '[Manager]\nDefaultTimeoutStartSec=20min\nDefaultDeviceTimeoutSec=20min\n',
  // A new kernel's initrd with all modules takes ten minutes under software emulation.
  'etc/initramfs-tools/conf.d/modules': 'MODULES=dep\n',
  // As in Debian's cloud images: the kernel prints to the serial console, without `quiet`.
  'etc/default/grub.d/10-serial.cfg':
    `GRUB_CMDLINE_LINUX="console=${labArch().console}"\n` +
    'GRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_TIMEOUT=0\nGRUB_TERMINAL=console\n',
};

/** Shell script of the first boot, which uses the guest's own tools. */
const FIRST_BOOT = `set -e
mkdir -p /var/log/journal
echo 'grub-pc grub-pc/install_devices string /dev/vda' | debconf-set-selections
grub-install /dev/vda
update-grub
sync`;

export interface DebianImage {
  readonly dir: string;
  /** A raw image with an MBR. Boot a copy of it. */
  readonly disk: string;
  readonly record: ImageRecord;
}

export interface ImageRecord {
  readonly suite: string;
  readonly mirror: string;
  /** Version of every package in the image. */
  readonly packages: Readonly<Record<string, string>>;
  readonly madeAt: string;
}

/** Takes five minutes the first time, and a moment later on. */
export async function fetchDebianImage(
  cache: Cache,
  accel: DebianMachine['accel'],
  signal: AbortSignal,
): Promise<DebianImage> {
  const dir = join(cache.dir, 'debian', `${SUITE}-${recipeDigest()}`);
  return withLock(cache, `debian-${SUITE}`, async () => {
    if (!existsSync(join(dir, 'record.json'))) {
      await requireSpace(cache, SPACE_BYTES, 'a Debian image');
      await publishDir(dir, partial => makeImage(cache, partial, accel, signal));
    }
    const record = JSON.parse(readFileSync(join(dir, 'record.json'), 'utf8')) as ImageRecord;
    return { dir, disk: join(dir, 'disk.img'), record };
  });
}

/** A change of what goes into the image makes a new image. */
function recipeDigest(): string {
  const hash = createHash('sha256').update(
    JSON.stringify([PACKAGES, MASKED, FILES, FIRST_BOOT, DISK_MIB, ROOT_UUID]),
  );
  for (const file of ['guest/agent.sh', 'guest/lab-agent.service'])
    hash.update(readFileSync(join(import.meta.dirname, file)));
  return hash.digest('hex').slice(0, 12);
}

async function makeImage(
  cache: Cache,
  dir: string,
  accel: DebianMachine['accel'],
  signal: AbortSignal,
): Promise<void> {
  const root = join(dir, 'root');
  const mirror = readHostMirror().archive[0].uri;
  await announced(cache, 'unpacking Debian 12 with debootstrap (about four minutes)', () =>
    debootstrap(cache, root, mirror, dir),
  );
  await furnish(root);
  const packages = await installedPackages(root);
  const disk = join(dir, 'disk.img');
  await partitionedDisk(disk, root);
  const boot = await bootFilesOf(root);
  await announced(cache, 'installing GRUB in the guest (about two minutes)', () =>
    runDebian({ disk, accel, boot, directory: dir, deadlineSeconds: 3600, signal }, async ({ agent }) => {
      await agent.untilBoot(600);
      await agent.must(FIRST_BOOT, 300);
    }),
  );
  await rm(root, { recursive: true, force: true });
  const record: ImageRecord = { suite: SUITE, mirror, packages, madeAt: new Date().toISOString() };
  await writeFile(join(dir, 'record.json'), `${JSON.stringify(record, null, 2)}\n`);
}

async function debootstrap(cache: Cache, root: string, mirror: string, dir: string): Promise<void> {
  const debs = join(cache.dir, 'debian', 'debootstrap-debs');
  await mkdir(debs, { recursive: true });
  const log = join(dir, 'debootstrap.log');
  const options = ['--variant=minbase', `--cache-dir=${debs}`, `--include=${PACKAGES.join(',')}`];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const output = await $({
    env,
    nothrow: true,
    quiet: true,
  })`debootstrap ${options} ${SUITE} ${root} ${mirror} > ${log} 2>&1`;
  if (output.exitCode === 0) return;
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  throw new SystemError('DEBOOTSTRAP', {
    action: 'make a Debian image',
    actual: lines.findLast(line => /^[EW]: /.test(line)) ?? lines.at(-1)!,
    wanted: 'root, chroot and mount allowed, and a Debian mirror',
  });
}

async function furnish(root: string): Promise<void> {
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const units = join(root, 'etc/systemd/system');
  for (const unit of MASKED) await symlink('/dev/null', join(units, unit));
  const guest = join(import.meta.dirname, 'guest');
  await copyFile(join(guest, 'agent.sh'), join(root, 'usr/local/sbin/lab-agent'));
  await chmod(join(root, 'usr/local/sbin/lab-agent'), 0o755);
  await copyFile(join(guest, 'lab-agent.service'), join(units, 'lab-agent.service'));
  await mkdir(join(units, 'multi-user.target.wants'), { recursive: true });
  await symlink('../lab-agent.service', join(units, 'multi-user.target.wants/lab-agent.service'));
  for (const name of await readdir(join(root, 'var/cache/apt/archives'))) {
    if (name.endsWith('.deb')) await rm(join(root, 'var/cache/apt/archives', name));
  }
}

async function installedPackages(root: string): Promise<Record<string, string>> {
  const format = `\${Package} \${Version}\\n`;
  const { stdout } = await $({
    quiet: true,
  })`dpkg-query --admindir=${join(root, 'var/lib/dpkg')} -W -f ${format}`;
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map(line => line.split(' ') as [string, string]),
  );
}

async function partitionedDisk(disk: string, root: string): Promise<void> {
  const partitionMib = DISK_MIB - (PARTITION_OFFSET >> 20);
  await makeSparse(disk, DISK_MIB);
  await $({ quiet: true, input: 'label: dos\nstart=2048, type=83, bootable\n' })`sfdisk -q ${disk}`;
  await tool('mke2fs', [
    ...['-q', '-F', '-t', 'ext4', '-U', ROOT_UUID, '-L', 'root', '-d', root],
    ...['-E', `offset=${PARTITION_OFFSET}`, disk, `${partitionMib}M`],
  ]);
}

async function bootFilesOf(root: string) {
  const names = await readdir(join(root, 'boot'));
  const release = names.find(name => name.startsWith('vmlinuz-'))!.slice('vmlinuz-'.length);
  // The tree is deleted later.
  const [vmlinuz, initrd] = ['vmlinuz', 'initrd.img'].map(name => join(root, '..', name));
  await copyFile(join(root, 'boot', `vmlinuz-${release}`), vmlinuz);
  await copyFile(join(root, 'boot', `initrd.img-${release}`), initrd);
  return { vmlinuz, initrd, commandLine: `root=UUID=${ROOT_UUID} ro console=${labArch().console}` };
}
