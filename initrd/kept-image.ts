/**
 * Whether the crash kernel reads the runtime from where kexec put the image. The kernel unpacks an image into files, and only
 * then frees it, so that the runtime, which is most of it, would be in memory twice. With the word `retain_initrd` the image
 * stays, and /sys/firmware/initrd shows it (Linux v6.8, init/initramfs.c): no file is made of the runtime.
 */
import { isAtLeast } from './kernel-release.ts';
import type { Layout } from './layouts.ts';

export const KEPT_IMAGE = '/sys/firmware/initrd';

/** @param kver release of the crash kernel; with one that nobody can read, the image is unpacked. */
export function keepsImage(kver: string, layout: Layout): boolean {
  return layout === 'self-contained' && isAtLeast(kver, [6, 8]);
}
