/** Where a kernel of this machine lies, its modules, and the dump-capture initrd that is made for it. */
import { accessSync, constants } from 'node:fs';
import { SystemError } from '../../../capture/errors.ts';
import type { Host } from './host.ts';

/** Places of a kernel image, in order: Debian and Fedora, kernel-install's layout, 7.x packages of Debian, COS. */
const KERNEL_IMAGES = [
  '/boot/vmlinuz-KVER',
  '/usr/lib/modules/KVER/vmlinuz',
  '/lib/modules/KVER/vmlinuz',
  '/boot/kdump/vmlinuz-KVER',
  '/boot/Image-KVER',
];

/** What the host command remembers of this machine. */
export const STATE_FOLDER = '/var/lib/kdumpling';
/** Where the image goes: beside the kernel, or where /boot cannot be written (ostree, COS) or is nearly full. */
export const IMAGE_FOLDERS = ['/boot', STATE_FOLDER] as const;
/** The new image lies beside the old one for a moment. */
const ROOM_FOR_IMAGE_BYTES = 100e6;

export function runningKernel(host: Host): string {
  return (host.read('/proc/sys/kernel/osrelease') ?? '').trim();
}

/** @throws SystemError that lists where it was looked for. */
export function kernelImage(host: Host, kver: string): string {
  const places = KERNEL_IMAGES.map(place => place.replace('KVER', kver));
  for (const folder of host.list('/boot/ostree')) places.push(`/boot/ostree/${folder}/vmlinuz-${kver}`);
  const found = places.find(place => host.exists(place));
  if (found) return found;
  throw new SystemError('NO_KERNEL', {
    action: `find the kernel image of ${kver}`,
    actual: `there is none of ${places.join(', ')}`,
    wanted: 'the kernel that runs, so that what crashed and what captures are of one build',
  });
}

export function modulesDirectory(host: Host, kver: string): string {
  return (
    ['/lib/modules', '/usr/lib/modules'].map(folder => `${folder}/${kver}`).find(host.exists) ??
    `/lib/modules/${kver}`
  );
}

export function imageName(kver: string): string {
  return `initramfs-${kver}kdump.img`;
}

/** Where the image is; undefined when there is none. */
export function findImage(host: Host, kver: string): string | undefined {
  return IMAGE_FOLDERS.map(folder => `${folder}/${imageName(kver)}`).find(host.exists);
}

/** Where a new image goes. */
export function imagePath(host: Host, kver: string): string {
  const [boot, fallback] = IMAGE_FOLDERS;
  const fits = isWritable(host, boot) && (host.freeBytes(boot) ?? 0) >= ROOM_FOR_IMAGE_BYTES;
  return `${fits ? boot : fallback}/${imageName(kver)}`;
}

/** A read-only mount refuses root too. */
function isWritable(host: Host, folder: string): boolean {
  try {
    accessSync(host.path(folder), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
