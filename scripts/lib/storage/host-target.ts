/** Where this machine's dumps go: what the config names, or the file system that holds the dump directory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { TargetError } from '../../../capture/errors.ts';
import { FILE_SYSTEM_NAMES } from '../../../capture/options/file-systems.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import { parseTargetSpec } from '../../../capture/options/target-spec.ts';
import { namesDevice } from '../../../capture/storage/device/device-names.ts';
import {
  decodeSuperblock,
  SUPERBLOCK_BYTES,
  type Superblock,
} from '../../../capture/storage/device/superblock.ts';
import type { Settings } from '../config/directives.ts';
import type { Host } from '../host/host.ts';
import { type Mount, mountOf, parseMountinfo, pathInFileSystem, pathOnMachine } from '../host/mounts.ts';

export interface HostTarget {
  /** For the capture: `UUID=…` wherever there is one, since a disk's name may be another one in the crash kernel. */
  readonly target: string;
  readonly fstype: string;
  /** The dump directory, seen from the root of the file system. */
  readonly path: string;
  /** Of the file system on a target that is named by its device; empty when it is not known. */
  readonly targetUuid: string;
  /** As the host has it mounted, of which a capture takes what it needs (capture/storage/device/mount-options.ts). */
  readonly mountOptions: string;
  /** The block device here and now, if it is there. */
  readonly device?: string;
  /** The dump directory on the running machine; undefined while the file system is not mounted. */
  readonly directory?: string;
}

/** @throws TargetError when dumps could not go there, with what to do. */
export function hostTarget(host: Host, { options }: Settings): HostTarget {
  const path = options.path ?? DEFAULT_OPTIONS.path;
  const mounts = parseMountinfo(host.read('/proc/self/mountinfo') ?? '');
  const found =
    options.target === undefined || options.fstype === undefined
      ? targetOfPath(host, mounts, path)
      : namedTarget(host, mounts, options.target, options.fstype, path);
  return { ...found, mountOptions: options.mountOptions ?? found.mountOptions };
}

/** Where dumps may lie on this machine now: on the target, and on what stands in for it, as far as they are mounted. */
export function dumpDirectories(host: Host, settings: Settings): string[] {
  const { directory, path } = hostTarget(host, settings);
  const mounts = parseMountinfo(host.read('/proc/self/mountinfo') ?? '');
  const spares = (settings.options.fallbackTargets ?? []).map(text => {
    const spec = parseTargetSpec(text)!;
    return spec.kind === 'file system'
      ? namedTarget(host, mounts, spec.device, spec.fstype, path).directory
      : undefined;
  });
  return [...new Set([directory, ...spares])].filter(found => found !== undefined);
}

/** A path is seen from the top of all subvolumes of a btrfs, whichever of them is the default or mounted here. */
function mountOptionsOf(fstype: string, mount: Mount | undefined): string {
  return fstype === 'btrfs' ? 'subvolid=5' : (mount?.options.join(',') ?? '');
}

function namedTarget(
  host: Host,
  mounts: readonly Mount[],
  target: string,
  fstype: string,
  path: string,
): HostTarget {
  const device = findTarget(host, target);
  const here = mounts.filter(mount => device !== undefined && isOn(host, mount, device));
  const directory = here.map(mount => pathOnMachine(mount, path)).find(found => found !== undefined);
  const uuid = target.startsWith('/') && device ? superblockOf(host, device)?.uuid : undefined;
  const mountOptions = mountOptionsOf(fstype, here[0]);
  return { target, fstype, path, targetUuid: uuid ?? '', mountOptions, device, directory };
}

function targetOfPath(host: Host, mounts: readonly Mount[], path: string): HostTarget {
  const directory = realDirectory(host, path);
  const mount = mountOf(mounts, directory);
  const refuse = (actual: string) =>
    new TargetError('NO_TARGET', {
      action: `dump to ${path}`,
      actual,
      wanted: `a file system on a disk (${FILE_SYSTEM_NAMES.join(', ')}); name one in /etc/kdump.conf, like "ext4 UUID=…"`,
    });
  if (!mount) throw refuse('/proc/self/mountinfo does not say what it is on');
  if (!FILE_SYSTEM_NAMES.includes(mount.fstype)) throw refuse(`it is on ${mount.fstype} (${mount.source})`);
  const device = deviceOf(host, mount);
  if (!device) throw refuse(`there is no block device ${mount.source}`);
  const uuid = superblockOf(host, device)?.uuid ?? uuidByLink(host, device);
  return {
    target: uuid ? `UUID=${uuid}` : device,
    fstype: mount.fstype,
    path: pathInFileSystem(mount, directory),
    targetUuid: '',
    mountOptions: mountOptionsOf(mount.fstype, mount),
    device,
    directory,
  };
}

/** The directory with links followed, as far as it exists: what does not exist yet is made where it would be. */
function realDirectory(host: Host, path: string): string {
  const real = host.resolve(path);
  if (real !== undefined || path === '/') return real ?? '/';
  return posix.join(realDirectory(host, posix.dirname(path)), posix.basename(path));
}

/** A mount's source is its device, but for old kernels' /dev/root. */
function deviceOf(host: Host, { source, device }: Mount): string | undefined {
  if (source.startsWith('/dev/') && host.exists(source)) return source;
  const name = posix.basename(host.resolve(`/sys/dev/block/${device}`) ?? '');
  return name !== '' && host.exists(`/dev/${name}`) ? `/dev/${name}` : undefined;
}

/** Whether the target's file system has what lies at `path` on this machine, and has it at the same path. */
export function isOnTarget(host: Host, { device }: HostTarget, path: string): boolean {
  const real = host.resolve(path) ?? path;
  const mount = mountOf(parseMountinfo(host.read('/proc/self/mountinfo') ?? ''), real);
  if (!mount || device === undefined || !isOn(host, mount, device)) return false;
  return pathInFileSystem(mount, real) === path;
}

function isOn(host: Host, mount: Mount, device: string): boolean {
  const mounted = deviceOf(host, mount);
  return mounted !== undefined && (host.resolve(mounted) ?? mounted) === (host.resolve(device) ?? device);
}

/** The device that a target's name means, here and now. */
export function findTarget(host: Host, target: string): string | undefined {
  if (target.startsWith('/')) return host.exists(target) ? target : undefined;
  const [kind, value] = target.split(/=(.*)/s) as [string, string];
  const link = `/dev/disk/by-${kind.toLowerCase()}/${value}`;
  if (host.exists(link)) return host.resolve(link);
  return host
    .list('/sys/class/block')
    .map(name => `/dev/${name}`)
    .find(device => {
      const superblock = superblockOf(host, device);
      return superblock !== undefined && namesDevice(target, { node: device, aliases: [], superblock });
    });
}

function uuidByLink(host: Host, device: string): string | undefined {
  const folder = '/dev/disk/by-uuid';
  const real = host.resolve(device);
  return host.list(folder).find(uuid => host.resolve(`${folder}/${uuid}`) === real);
}

function superblockOf(host: Host, device: string): Superblock | undefined {
  try {
    const fd = openSync(host.path(device), 'r');
    try {
      const bytes = new Uint8Array(SUPERBLOCK_BYTES);
      return decodeSuperblock(bytes.subarray(0, readSync(fd, bytes)));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // not root, or an empty drive
  }
}
