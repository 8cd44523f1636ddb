/** An ext4 image, made and read without a mount or a loop device. */
import { mkdirSync } from 'node:fs';
import { fileSystemOf, makeSparse, tool } from './file-systems.ts';

export interface DiskRequest {
  readonly path: string;
  readonly sizeMib: number;
  readonly uuid: string;
  /** Directory whose files are copied into the file system. */
  readonly contents: string;
}

/** Makes a sparse raw image. */
export async function makeDisk({ path, sizeMib, uuid, contents }: DiskRequest): Promise<void> {
  await makeSparse(path, sizeMib);
  await fileSystemOf('ext4').make({ path, uuid, label: 'lab-root', contents });
}

/** Copies a directory of the image to `into/<its name>`. */
export async function extract(disk: string, folder: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  await tool('debugfs', ['-R', `rdump "${folder}" "${into}"`, disk]);
}
