/** A second disk, on virtio-blk after the boot disk, for faults that need one. */
import { makeSparse } from './file-systems.ts';

export interface MoreDisk {
  /** A raw image, or a QEMU block driver over one: `blkdebug:CONFIG:IMAGE`. */
  readonly file: string;
  readonly driveOptions?: string;
}

export interface MakeSecondDisk {
  readonly sizeMib: number;
  /** Fills the empty image. */
  make?(image: string): Promise<void>;
  /** More options of its -drive. */
  readonly driveOptions?: string;
  /** The QEMU block driver over the image. */
  file?(image: string): string;
  /** Copies the dumps on it to `captured/crash/` after the run. */
  takeOut?(image: string, captured: string): Promise<void>;
}

export async function openSecondDisk(
  { sizeMib, make, driveOptions, file }: MakeSecondDisk,
  image: string,
): Promise<MoreDisk> {
  await makeSparse(image, sizeMib);
  await make?.(image);
  return { file: file?.(image) ?? image, driveOptions };
}
