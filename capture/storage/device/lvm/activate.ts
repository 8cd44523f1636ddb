/** Activates the linear logical volumes of the disks present, as `vgchange -ay` would. */
import { describeError } from '../../../errors.ts';
import { type BlockDevice, withDevice } from '../block-devices.ts';
import { readPhysicalVolume } from './physical-volume.ts';
import { type LinearVolume, linearVolumes } from './volumes.ts';

/**
 * @param create makes a device-mapper device.
 * @returns a function to call with the devices present, and again whenever more appear; it returns whether it made any.
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
    // A missing disk may still appear: this is logged once and tried again with the next disk.
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
