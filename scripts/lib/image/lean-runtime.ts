/** The lean layout: the capture runs Node from the target's own file system, where the package installed it. */
import { ImageError, RUNTIME_ON_DISK } from '../../../initrd/image.ts';
import type { Host } from '../host/host.ts';
import { type HostTarget, isOnTarget } from '../storage/host-target.ts';

/** @throws ImageError if a capture would not find Node: it looks for this path from the root of the target. */
export function requireRuntimeOn(host: Host, target: HostTarget): void {
  if (host.exists(RUNTIME_ON_DISK) && isOnTarget(host, target, RUNTIME_ON_DISK)) return;
  throw new ImageError('LEAN_RUNTIME', {
    action: `build a lean initrd for ${target.target}`,
    actual: `that file system has no ${RUNTIME_ON_DISK}`,
    wanted: 'the file system on which the package is installed',
    toDo: 'Choose that target, or use the self-contained layout',
  });
}
