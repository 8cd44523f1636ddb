/** What `mounts` prints. */
import type { Mount } from '../../../capture/autopsy/vfs/mounts.ts';
import { columnLines } from './columns.ts';
import { hex } from './words.ts';

/** crash's columns. */
export function mountLines(found: readonly Mount[]): string[] {
  const rows = found.map(({ mount, superBlock, type, device, directory }) => [
    hex(mount),
    hex(superBlock),
    type,
    device,
    directory,
  ]);
  return columnLines(['MOUNT', 'SUPERBLK', 'TYPE', 'DEVNAME', 'DIRNAME'], rows);
}

export function mountData({ mount, superBlock, ...facts }: Mount) {
  return { ...facts, mount: hex(mount), superBlock: hex(superBlock) };
}
