/** Where this machine keeps a kernel, its modules, and the dump-capture initrd that is built for it. */
import { accessSync, constants } from 'node:fs';
import { SystemError } from '../../../capture/errors.ts';
import type { Host } from './host.ts';

/** Where a kernel image can be, in order: Debian and Fedora, kernel-install, Debian's 7.x packages, COS. */
const KERNEL_IMAGES = [
  '/boot/vmlinuz-KVER',
  '/usr/lib/modules/KVER/vmlinuz',
  '/lib/modules/KVER/vmlinuz',
  '/boot/kdump/vmlinuz-KVER',
  '/boot/Image-KVER',
];

const MODULE_FOLDERS = ['/lib/modules', '/usr/lib/modules'] as const;

/** State that the host command keeps. */
export const STATE_FOLDER = '/var/lib/kdumpling';
/** Where the image goes: beside the kernel, or elsewhere if /boot is read-only (ostree, COS) or nearly full. */
export const IMAGE_FOLDERS = ['/boot', STATE_FOLDER] as const;
/** The new image and the old one exist side by side for a moment. */
const ROOM_FOR_IMAGE_BYTES = 100e6;

/** The release of the kernel that runs; of an image, the newest one that it can boot. Empty where there is none. */
export function hostKernel(host: Host): string {
  if (!host.isImage) return (host.read('/proc/sys/kernel/osrelease') ?? '').trim();
  const releases = MODULE_FOLDERS.flatMap(folder => host.list(folder));
  const bootable = releases.filter(kver => kernelImageIn(host, kver) !== undefined);
  return bootable.sort(byVersion).at(-1) ?? '';
}

/** `6.1.0-9` before `6.1.0-56`, and `6.2.0-rc1` before `6.2.0`. */
function byVersion(one: string, other: string): number {
  const [a, b] = [one, other].map(kver => kver.replace('-rc', '~rc'));
  return a!.localeCompare(b!, 'en', { numeric: true });
}

/** @throws SystemError that lists the paths that were tried. */
export function kernelImage(host: Host, kver: string): string {
  const found = kernelImageIn(host, kver);
  if (found) return found;
  throw new SystemError('NO_KERNEL', {
    action: `find the kernel image of ${kver}`,
    actual: `none of ${imagePlaces(host, kver).join(', ')} exists`,
    wanted: 'the image of the running kernel, which is also the crash kernel',
  });
}

/** Undefined where there is none. */
export function kernelImageIn(host: Host, kver: string): string | undefined {
  return imagePlaces(host, kver).find(place => host.exists(place));
}

function imagePlaces(host: Host, kver: string): string[] {
  const deployments = host.list('/boot/ostree').map(folder => `/boot/ostree/${folder}/vmlinuz-${kver}`);
  return [...KERNEL_IMAGES.map(place => place.replace('KVER', kver)), ...deployments];
}

export function modulesDirectory(host: Host, kver: string): string {
  return MODULE_FOLDERS.map(folder => `${folder}/${kver}`).find(host.exists) ?? `/lib/modules/${kver}`;
}

export function imageName(kver: string): string {
  return `initramfs-${kver}kdump.img`;
}

/** Where the image is; undefined if there is none. */
export function findImage(host: Host, kver: string): string | undefined {
  return IMAGE_FOLDERS.map(folder => `${folder}/${imageName(kver)}`).find(host.exists);
}

/** Where a new image goes. */
export function imagePath(host: Host, kver: string): string {
  const [boot, fallback] = IMAGE_FOLDERS;
  const fits = isWritable(host, boot) && (host.freeBytes(boot) ?? 0) >= ROOM_FOR_IMAGE_BYTES;
  return `${fits ? boot : fallback}/${imageName(kver)}`;
}

/** A read-only mount refuses even root. */
function isWritable(host: Host, folder: string): boolean {
  try {
    accessSync(host.path(folder), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
