/** Other disks and file systems than the stock one, and targets that do not take the dump. `npm run crash -- --list` has more. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { DiskKind } from '../../qemu/disks/boot-disk.ts';
import type { Lab } from '../../qemu/lab.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openTestLab();
});

describe('a boot disk that is', () => {
  const kinds: readonly DiskKind[] = [
    { bus: 'nvme', fs: 'xfs', layout: 'whole' },
    { bus: 'virtio-scsi', fs: 'btrfs', layout: 'lvm' },
  ];
  test.each(kinds)('$bus, $fs, $layout', async diskKind => {
    const on = { ...lab, choice: { ...lab.choice, diskKind } };
    expect(broken(await crashWithFault(on, 'none'))).toEqual([]);
  });
});

test.each(['write-errors', 'raw-target', 'directory-damaged'])('%s', async name => {
  expect(broken(await crashWithFault(lab, name))).toEqual([]);
});
