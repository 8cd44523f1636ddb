/** Whether a capture can activate a logical volume: asked of the code that the capture itself uses, over the same metadata. */
import { withDevice } from '../../../capture/storage/device/block-devices.ts';
import { readPhysicalVolume } from '../../../capture/storage/device/lvm/physical-volume.ts';
import { type KnownDisk, linearVolumes } from '../../../capture/storage/device/lvm/volumes.ts';
import type { Layer } from '../../../initrd/sysfs.ts';
import type { Host } from '../host/host.ts';

/** Why the capture cannot activate it ("it is striped over 2 disks, not linear"), or undefined. */
export function volumeObstacle(host: Host, { name, uuid, slaves }: NonNullable<Layer['mapped']>) {
  const disks = physicalVolumes(host);
  const { volumes, refused } = linearVolumes(disks);
  if (volumes.some(volume => volume.uuid === uuid)) return undefined;
  const reason = refused.find(line => line.startsWith(`${name}: `));
  if (reason) return reason.slice(name.length + 2);
  if (
    disks.some(({ metadata }) => metadata !== undefined && Object.keys(metadata).some(vg => isIn(name, vg)))
  )
    return 'its volume group’s metadata does not list it';
  // Without root the disks cannot be read. On one disk, and not on another volume, it cannot be anything but linear.
  const isPlain = slaves.length <= 1 && slaves.every(slave => !slave.startsWith('dm-'));
  return isPlain ? undefined : 'its disks have no LVM metadata that can be read';
}

function physicalVolumes(host: Host): KnownDisk[] {
  return host.list('/sys/class/block').flatMap(name => {
    const node = `/dev/${name.replaceAll('!', '/')}`;
    const volume = withDevice(host.path(node), readPhysicalVolume);
    return volume ? [{ ...volume, node }] : [];
  });
}

function isIn(name: string, group: string): boolean {
  return name.startsWith(`${group.replaceAll('-', '--')}-`);
}
