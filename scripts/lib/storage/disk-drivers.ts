/** The drivers of the disks that dumps may go to, as the running machine uses them: what a capture needs, and no more. */
import { TargetError } from '../../../capture/errors.ts';
import { parseTargetSpec } from '../../../capture/options/target-spec.ts';
import type { ModuleTree } from '../../../initrd/modules.ts';
import { driversBelow } from '../../../initrd/sysfs.ts';
import type { Host } from '../host/host.ts';
import { blockName, findTarget } from './devices.ts';
import type { HostTarget } from './host-target.ts';
import { requireSupported } from './target-findings.ts';

/**
 * @param tree of the kernel that will capture.
 * @param fallbacks as in kdump.conf's fallback_target.
 * @returns undefined for all usual drivers: a fallback that does not exist now may be on any bus, and an image may boot on
 * any machine.
 * @throws TargetError for a target that does not exist or is not supported, so that it is refused now and not at the
 * crash; ModuleError for a driver that the kernel lacks.
 */
export function hostDiskDrivers(
  host: Host,
  tree: ModuleTree,
  target: HostTarget,
  fallbacks: readonly string[] = [],
): string[] | undefined {
  if (host.isImage) return undefined;
  if (!target.device) {
    throw new TargetError('NO_DEVICE', {
      action: `dump to ${target.target}`,
      actual: 'it does not exist',
      wanted: 'a target that exists when the initrd is built, so that its drivers can be found',
    });
  }
  requireSupported(host, target, fallbacks);
  const spares = fallbacks.map(text => findTarget(host, parseTargetSpec(text)!.device));
  const drivers = [target.device, ...spares].map(
    disk => disk && driversBelow(blockName(host, disk), tree, host.path('/sys')),
  );
  return drivers.includes(undefined) ? undefined : [...new Set(drivers.flatMap(list => list!))];
}
