/** Makes the logical volumes of the disks that are there available, as `vgchange -ay` would those that are linear. */
import { describeError } from '../../../errors.ts';
import { type BlockDevice, withDevice } from '../block-devices.ts';
import { readPhysicalVolume } from './physical-volume.ts';
import { type LinearVolume, linearVolumes } from './volumes.ts';

/**
 * @param create makes a device-mapper device.
 * @returns to be called with the devices of the moment, again when there are more: whether it made any.
 */
export function volumeActivator(
  create: (volume: LinearVolume) => void,
  say: (text: string) => void,
  warn: (text: string) => void,
): (devices: readonly BlockDevice[]) => boolean {
  const tried = new Set<string>();
  const once = (name: string) => !tried.has(name) && tried.add(name) !== undefined;
  let seen = '';
  return devices => {
    const disks = devices.flatMap(({ node, memberOf }) => {
      if (memberOf !== 'LVM physical volume') return [];
      const volume = withDevice(node, readPhysicalVolume);
      return volume ? [{ ...volume, node }] : [];
    });
    const now = disks.map(({ node }) => node).join(' ');
    if (now === seen) return false;
    seen = now;
    const { volumes, refused } = linearVolumes(disks);
    // A disk that is missing now may come yet: said, and tried again with the next disk.
    for (const line of refused) if (once(line)) say(`logical volume ${line}`);
    let made = false;
    for (const volume of volumes.filter(({ name }) => once(name))) {
      try {
        create(volume);
        made = true;
      } catch (error) {
        warn(describeError(error));
      }
    }
    return made;
  };
}
