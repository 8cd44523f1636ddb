/**
 * The one resolver of where dumps are. A place is a file system and a path from its root (for btrfs, from the top of all
 * subvolumes), which is what a capture sees. The two functions convert it from and to a path on the running machine.
 */
import { posix } from 'node:path';
import type { Host } from '../host/host.ts';
import {
  decodeEscapes,
  type Mount,
  mountOf,
  parseMountinfo,
  pathInFileSystem,
  pathOnMachine,
} from '../host/mounts.ts';
import { blockName, findTarget, isOn } from './devices.ts';

/** Where a place is on the running machine. */
export type Location =
  | { readonly kind: 'visible'; readonly directory: string }
  /** Its file system is mounted, but another mount covers the directory. */
  | { readonly kind: 'hidden'; readonly directory: string; readonly by: string }
  /** Its file system is not mounted, or not this part of it; `directory` is where fstab would show it. */
  | { readonly kind: 'not mounted'; readonly directory?: string; readonly mountpoint?: string };

export function readMounts(host: Host): Mount[] {
  return parseMountinfo(host.read('/proc/self/mountinfo') ?? '');
}

/** From a path on the machine to the place: links are followed as far as the path exists. */
export function placeOf(
  host: Host,
  mounts: readonly Mount[],
  path: string,
): { readonly mount: Mount; readonly path: string; readonly directory: string } | undefined {
  const directory = realDirectory(host, path);
  const mount = mountOf(mounts, directory);
  return mount && { mount, path: pathInFileSystem(mount, directory), directory };
}

/** From a place to the machine. @param path from the root of the file system on the device. */
export function locate(host: Host, mounts: readonly Mount[], device: string, path: string): Location {
  const candidates = mounts
    .filter(mount => isOn(host, mount, device))
    .flatMap(mount => {
      const directory = pathOnMachine(mount, path);
      return directory === undefined ? [] : [{ mount, directory, top: mountOf(mounts, directory) }];
    });
  const visible = candidates.find(({ mount, top }) => top === mount);
  if (visible) return { kind: 'visible', directory: visible.directory };
  const hidden = candidates[0];
  if (hidden) return { kind: 'hidden', directory: hidden.directory, by: hidden.top?.mountpoint ?? '/' };
  return { kind: 'not mounted', ...plannedMount(host, device, path) };
}

/** Why a reader does not see the dumps, and what to do. */
export function describeAbsence(location: Exclude<Location, { kind: 'visible' }>): {
  actual: string;
  toDo: string;
} {
  switch (location.kind) {
    case 'hidden':
      return {
        actual: `its directory ${location.directory} is hidden under the mount on ${location.by}`,
        toDo: `name the file system on ${location.by} as the target in /etc/kdump.conf, or a path outside ${location.by}`,
      };
    case 'not mounted':
      return {
        actual: 'it is not mounted',
        toDo: location.mountpoint ? `mount ${location.mountpoint}` : 'mount it first',
      };
  }
}

/** The directory with links resolved; the part that does not exist yet is appended as it is. */
function realDirectory(host: Host, path: string): string {
  const real = host.resolve(path);
  if (real !== undefined || path === '/') return real ?? '/';
  return posix.join(realDirectory(host, posix.dirname(path)), posix.basename(path));
}

/** Where fstab(5) mounts the device, and the path there. */
function plannedMount(host: Host, device: string, path: string) {
  for (const line of (host.read('/etc/fstab') ?? '').split('\n')) {
    const [spec, mountpoint, , options = ''] = line.trim().split(/\s+/).map(decodeEscapes);
    if (!spec || !mountpoint?.startsWith('/') || spec.startsWith('#')) continue;
    const found = findTarget(host, spec.replaceAll('"', ''));
    if (!found || blockName(host, found) !== blockName(host, device)) continue;
    const root = subvolumePath(options) ?? '/';
    const directory = pathOnMachine({ root, mountpoint }, path);
    if (directory !== undefined) return { mountpoint, directory };
  }
  return {};
}

/** `/@/var` of `rw,subvol=@/var`. */
export function subvolumePath(options: string): string | undefined {
  const subvolume = options.split(',').findLast(option => option.startsWith('subvol='));
  return subvolume && posix.resolve('/', subvolume.slice('subvol='.length));
}
