/** The drivers of the disk that dumps go to, as the running machine uses them: what a capture will need, and not more. */
import { posix } from 'node:path';
import { TargetError } from '../../../capture/errors.ts';
import { parseTargetSpec } from '../../../capture/options/target-spec.ts';
import type { ModuleTree } from '../../../initrd/modules.ts';
import { diskNeeds, type Layer } from '../../../initrd/sysfs.ts';
import type { Host } from '../host/host.ts';
import { findTarget, type HostTarget } from './host-target.ts';

/** What a capture sets up by itself (capture/target/lvm). */
const KNOWN_LAYERS: readonly string[] = ['dm LVM'];

/**
 * The drivers of every disk that dumps may go to.
 * @param fallbacks as kdump.conf's fallback_target has them.
 * @returns undefined for all usual ones: a fallback that is not there now may hang on anything.
 * @throws as targetDrivers, and TargetError for a target that is not there: complete, or refused now and not at the crash.
 */
export function hostDiskDrivers(
  host: Host,
  tree: ModuleTree,
  { target, device }: HostTarget,
  fallbacks: readonly string[] = [],
): string[] | undefined {
  if (!device) {
    throw new TargetError('NO_DEVICE', {
      action: `dump to ${target}`,
      actual: 'it is not there',
      wanted: 'a target that is there when the initrd is built, so that its drivers can be found',
    });
  }
  const spares = fallbacks.map(text => findTarget(host, parseTargetSpec(text)!.device));
  const drivers = [device, ...spares].map(disk => disk && targetDrivers(host, disk, tree));
  return drivers.includes(undefined) ? undefined : [...new Set(drivers.flatMap(list => list!))];
}

/**
 * @param device of the target, `/dev/…`.
 * @param tree of the kernel that will capture.
 * @throws TargetError for what a capture cannot set up, ModuleError for a driver that its kernel lacks.
 */
export function targetDrivers(host: Host, device: string, tree: ModuleTree): readonly string[] {
  const { drivers, layers } = diskNeeds(
    posix.basename(host.resolve(device) ?? device),
    tree,
    host.path('/sys'),
  );
  const unknown = layers.find(layer => !KNOWN_LAYERS.includes(`${layer.kind} ${layer.type}`));
  if (!unknown) return drivers;
  throw new TargetError('UNKNOWN_LAYER', {
    action: `dump to ${device}`,
    actual: `${unknown.device} is ${describe(unknown)}, which the capture does not set up`,
    wanted: 'a partition or a linear logical volume; name one in /etc/kdump.conf, like "ext4 UUID=…"',
  });
}

function describe({ kind, type }: Layer): string {
  if (kind === 'md') return `a RAID of level ${type}`;
  return type === 'CRYPT' ? 'encrypted' : `a device-mapper device of kind ${type || 'unknown'}`;
}
