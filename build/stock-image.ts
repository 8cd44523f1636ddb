/** dist/initrd/: the dump-capture initrd for a stock kernel on the lab's machine. Other machines: `kdumpling rebuild`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CaptureOptions } from '../capture/options/schema.ts';
import { buildImage, type ImageFacts, type Program } from '../initrd/image.ts';
import type { Layout } from '../initrd/layouts.ts';
import { DIST } from './paths.ts';

/** The file system of the lab's boot disk: "kdumpling-labdis" in hexadecimal. */
export const LAB_ROOT_UUID = '6b64756d-706c-696e-672d-6c6162646973';
/** Drivers of the lab's boot disk. */
export const LAB_DISK_DRIVERS = ['virtio_pci', 'virtio_blk'];

/** The kernel that an image is for. */
export interface ImageKernel {
  readonly release: string;
  /** …/lib/modules/RELEASE */
  readonly modulesDir: string;
}

/** How an image differs from the stock one. */
export interface ImageVariant {
  readonly target: string;
  readonly fstype: string;
  readonly disks: readonly string[];
  /** Further options for the image, beside the target. */
  readonly options: Partial<CaptureOptions>;
  readonly layout?: Layout;
  /** Whether the boot disk has the runtime image, as the package installs it. */
  readonly hasRuntimeOnTarget?: boolean;
}

const STOCK: ImageVariant = {
  target: `UUID=${LAB_ROOT_UUID}`,
  fstype: 'ext4',
  disks: LAB_DISK_DRIVERS,
  options: {},
  hasRuntimeOnTarget: true,
};

/** @param output default: in dist/. Another path for a program or a disk that is not the stock one. */
export function buildStockImage(
  program: Program,
  kernel: ImageKernel,
  output = stockImagePath(kernel),
  { fstype, disks, target, options, layout, hasRuntimeOnTarget }: ImageVariant = STOCK,
): ImageFacts {
  return buildImage({
    kver: kernel.release,
    modulesDirectory: kernel.modulesDir,
    program,
    fstype,
    disks,
    layout,
    hasRuntimeOnTarget,
    options: { ...options, target },
    output,
  });
}

function stockImagePath(kernel: ImageKernel): string {
  const folder = join(DIST, 'initrd');
  mkdirSync(folder, { recursive: true });
  return join(folder, `initramfs-${kernel.release}kdump.img`);
}
