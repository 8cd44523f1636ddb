/** A second disk of the lab's machine, on virtio-blk behind the boot disk: for what a fault needs of it. */
import { makeSparse } from './file-systems.ts';

export interface MoreDisk {
  /** A raw image, or what QEMU reads one through: `blkdebug:CONFIG:IMAGE`. */
  readonly file: string;
  readonly driveOptions?: string;
}

export interface MakeSecondDisk {
  readonly sizeMib: number;
  /** Puts something on the image, which is there and empty. */
  make?(image: string): Promise<void>;
  /** Drive options, as QEMU takes them. */
  readonly driveOptions?: string;
  /** What QEMU reads the image through. */
  file?(image: string): string;
  /** Takes dumps out of it afterwards, to `captured/crash/`. */
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
