/**
 * The disk image of a usual Debian 12: systemd, GRUB, the distribution's cloud kernel. Made once with debootstrap and mke2fs,
 * without a loop device; the guest installs GRUB by itself, and where its programs do not run here also the packages.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { announced, type Cache, publishDir, requireSpace, withLock } from '../../build/cache.ts';
import { readHostMirror } from '../../build/fetch/sources.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { type Accel, type LabArch, labArch } from '../machine/arch.ts';
import { finishing, furnish, recipeOf, removeArchives } from './contents.ts';
import { debootstrap, SUITE } from './debootstrap.ts';
import { DISK_MIB, partitionedDisk, ROOT_UUID } from './disk.ts';
import { runDebian } from './machine.ts';
import { runSecondStage, SECOND_STAGE } from './second-stage.ts';

const SPACE_BYTES = 3e9;

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

/** The machine that the image is for. */
export interface ImageMachine {
  /** Of the guest's architecture. */
  readonly parts: Parts;
  readonly accel: Accel;
}

/** Takes five minutes the first time, for another architecture than this machine's half an hour; a moment later on. */
export async function fetchDebianImage(
  cache: Cache,
  machine: ImageMachine,
  signal: AbortSignal,
): Promise<DebianImage> {
  const { platform, isNative } = machine.parts;
  const name = isNative ? SUITE : `${SUITE}-${platform.debian}`;
  const dir = join(cache.dir, 'debian', `${name}-${recipeDigest(labArch(platform.node), isNative)}`);
  return withLock(cache, `debian-${name}`, async () => {
    if (!existsSync(join(dir, 'record.json'))) {
      await requireSpace(cache, SPACE_BYTES, 'a Debian image');
      await publishDir(dir, partial => makeImage(cache, partial, machine, signal));
    }
    const record = JSON.parse(readFileSync(join(dir, 'record.json'), 'utf8')) as ImageRecord;
    return { dir, disk: join(dir, 'disk.img'), record };
  });
}

/** A change of what goes into the image makes a new image. */
function recipeDigest(arch: LabArch, isNative: boolean): string {
  const { values, files } = recipeOf(arch);
  const hash = createHash('sha256').update(JSON.stringify([...values, DISK_MIB, ROOT_UUID]));
  for (const file of isNative ? files : [...files, SECOND_STAGE]) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

async function makeImage(
  cache: Cache,
  dir: string,
  { parts, accel }: ImageMachine,
  signal: AbortSignal,
): Promise<void> {
  const { platform, isNative } = parts;
  const arch = labArch(platform.node);
  const root = join(dir, 'root');
  const mirror = readHostMirror().archive[0].uri;
  const request = { cache, arch, isNative, mirror, root, log: join(dir, 'debootstrap.log') };
  await announced(cache, 'unpacking Debian 12 with debootstrap (some minutes)', () => debootstrap(request));
  await furnish(root, arch);
  const disk = join(dir, 'disk.img');
  const packages = isNative
    ? await finishNative(cache, { dir, root, disk, arch, accel, signal })
    : await finishForeign(cache, { dir, root, disk, parts, accel, signal });
  await rm(root, { recursive: true, force: true });
  const record: ImageRecord = { suite: SUITE, mirror, packages, madeAt: new Date().toISOString() };
  await writeFile(join(dir, 'record.json'), `${JSON.stringify(record, null, 2)}\n`);
}

interface Unfinished {
  readonly dir: string;
  /** The tree that debootstrap made. */
  readonly root: string;
  /** The image to make of it. */
  readonly disk: string;
  readonly accel: Accel;
  readonly signal: AbortSignal;
}

async function finishNative(
  cache: Cache,
  { dir, root, disk, arch, accel, signal }: Unfinished & { readonly arch: LabArch },
): Promise<Record<string, string>> {
  await removeArchives(root);
  const packages = await installedPackages(root);
  await partitionedDisk(disk, root, arch.debianGuest.uefi);
  const boot = await bootFilesOf(root, arch);
  const machine = { arch, disk, accel, cpus: 2, boot, directory: dir, deadlineSeconds: 3600, signal };
  await announced(cache, 'installing GRUB in the guest (about two minutes)', () =>
    runDebian(machine, async ({ agent }) => {
      await agent.untilBoot(600);
      await agent.must(finishing(arch), 300);
    }),
  );
  return packages;
}

async function finishForeign(
  cache: Cache,
  { dir, root, disk, parts, accel, signal }: Unfinished & { readonly parts: Parts },
): Promise<Record<string, string>> {
  await partitionedDisk(disk, root, labArch(parts.platform.node).debianGuest.uefi);
  return announced(
    cache,
    `installing Debian’s packages of ${parts.platform.debian} in the guest (about half an hour)`,
    () => runSecondStage(cache, { disk, parts, accel, directory: dir, signal }),
  );
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

async function bootFilesOf(root: string, { console: port }: LabArch) {
  const names = await readdir(join(root, 'boot'));
  const release = names.find(name => name.startsWith('vmlinuz-'))!.slice('vmlinuz-'.length);
  // The tree is deleted later.
  const [vmlinuz, initrd] = ['vmlinuz', 'initrd.img'].map(name => join(root, '..', name));
  await copyFile(join(root, 'boot', `vmlinuz-${release}`), vmlinuz);
  await copyFile(join(root, 'boot', `initrd.img-${release}`), initrd);
  return { vmlinuz, initrd, commandLine: `root=UUID=${ROOT_UUID} ro console=${port}` };
}
