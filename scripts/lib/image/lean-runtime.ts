/**
 * Node on the target's own file system, where the package installed it: the lean layout runs from there, and a self-contained image
 * finds there what it lacks.
 */
import { ImageError, RUNTIME_ON_DISK, USED_RUNTIME_ON_DISK } from '../../../initrd/image.ts';
import type { Host } from '../host/host.ts';
import { blockName } from '../storage/devices.ts';
import { type HostTarget, isOnTarget } from '../storage/host-target.ts';

/** Whether the early stage of a capture finds it: it mounts disks and partitions alone, and looks for this path from the root. */
export function hasRuntimeOn(host: Host, target: HostTarget): boolean {
  return host.exists(RUNTIME_ON_DISK) && isOnTarget(host, target, RUNTIME_ON_DISK) && !isMapped(host, target);
}

/** Whether a self-contained image of this machine lacks the code of Node that captures do not use. */
export function isWithoutUnusedCode(host: Host, target: HostTarget): boolean {
  return host.exists(USED_RUNTIME_ON_DISK) && hasRuntimeOn(host, target);
}

/** @throws ImageError if a capture would not find Node. */
export function requireRuntimeOn(host: Host, target: HostTarget): void {
  if (hasRuntimeOn(host, target)) return;
  throw new ImageError('LEAN_RUNTIME', {
    action: `build a lean initrd for ${target.target}`,
    actual: isMapped(host, target)
      ? 'it is a logical volume, and the early stage mounts no such'
      : `that file system has no ${RUNTIME_ON_DISK}`,
    wanted: 'the file system on which the package is installed, on a disk or a partition',
    toDo: 'Choose that target, or use the self-contained layout',
  });
}

function isMapped(host: Host, { device }: HostTarget): boolean {
  return device !== undefined && /^dm-/.test(blockName(host, device));
}
