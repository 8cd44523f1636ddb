/** Where debug symbols of a kernel are by convention. That a file has the name proves nothing: see vmlinux.ts. */
import { join } from 'node:path';

/** What crash can decompress, by the ending of the name, and the command that does. */
export const COMPRESSED_ENDINGS: Readonly<Record<string, string>> = {
  '.xz': 'xz',
  '.zst': 'zstd',
  '.gz': 'gzip',
  '.bz2': 'bzip2',
};

/**
 * Paths on the machine, the likeliest first: those of elfutils (libdwfl/linux-kernel-modules.c: dwfl_linux_kernel_report),
 * crash(8), drgn, and of the packages of Debian, Fedora and SUSE. Each may also have one of the endings of compression.
 * @param beside the directory of the dump.
 */
export function vmlinuxPlaces(
  { buildId, release }: { readonly buildId?: string; readonly release?: string },
  beside: string,
): string[] {
  return [
    ...(buildId === undefined
      ? []
      : [`/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`]),
    ...(release === undefined
      ? []
      : [
          `/usr/lib/debug/boot/vmlinux-${release}`,
          `/usr/lib/debug/boot/vmlinux-${release}.debug`,
          `/usr/lib/debug/lib/modules/${release}/vmlinux`,
          `/usr/lib/debug/lib/modules/${release}/vmlinux.debug`,
          `/usr/lib/debug/usr/lib/modules/${release}/vmlinux`,
          `/usr/lib/debug/usr/lib/modules/${release}/vmlinux.debug`,
          `/usr/lib/debug/vmlinux-${release}`,
          `/lib/modules/${release}/build/vmlinux`,
          `/lib/modules/${release}/vmlinux`,
          `/usr/lib/modules/${release}/vmlinux`,
          `/boot/vmlinux-${release}`,
          `/boot/vmlinux-${release}.debug`,
          join(beside, `vmlinux-${release}`),
        ]),
    join(beside, 'vmlinux'),
  ];
}

/** Folders with the debug files of modules, in trees. */
export function modulePlaces(release: string): string[] {
  return [`/usr/lib/debug/lib/modules/${release}`, `/usr/lib/debug/usr/lib/modules/${release}`];
}
