/** An ext4 image of the lab's, made and read without a mount and without a loop device. Others: disks/. */
import { mkdirSync } from 'node:fs';
import { fileSystemOf, makeSparse, tool } from './file-systems.ts';

export interface DiskRequest {
  readonly path: string;
  readonly sizeMib: number;
  readonly uuid: string;
  /** A folder whose files go in. */
  readonly contents: string;
}

/** A sparse raw image. */
export async function makeDisk({ path, sizeMib, uuid, contents }: DiskRequest): Promise<void> {
  await makeSparse(path, sizeMib);
  await fileSystemOf('ext4').make({ path, uuid, label: 'lab-root', contents });
}

/** Copies a folder of the image to `into/<its name>`. */
export async function extract(disk: string, folder: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  await tool('debugfs', ['-R', `rdump "${folder}" "${into}"`, disk]);
}
