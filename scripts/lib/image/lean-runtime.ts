/** The lean layout: the Node of a capture lies on the target's own file system, where the package has put it. */
import { ImageError, RUNTIME_ON_DISK } from '../../../initrd/image.ts';
import type { Host } from '../host/host.ts';
import { type HostTarget, isOnTarget } from '../storage/host-target.ts';

/** @throws ImageError where a capture would not find it: it looks at this path from the root of the target. */
export function requireRuntimeOn(host: Host, target: HostTarget): void {
  if (host.exists(RUNTIME_ON_DISK) && isOnTarget(host, target, RUNTIME_ON_DISK)) return;
  throw new ImageError('LEAN_RUNTIME', {
    action: `build a lean initrd for ${target.target}`,
    actual: `that file system has no ${RUNTIME_ON_DISK}`,
    wanted: 'the file system that the package is installed on as the target, or the self-contained layout',
  });
}
