/** Where this machine's dumps go: what the config names, or the file system that holds the dump directory. */
import { TargetError } from '../../../capture/errors.ts';
import { FILE_SYSTEM_NAMES } from '../../../capture/options/file-systems.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import { parseTargetSpec } from '../../../capture/options/target-spec.ts';
import type { Settings } from '../config/directives.ts';
import type { Host } from '../host/host.ts';
import type { Mount } from '../host/mounts.ts';
import { fromTop, viewFromTop } from './btrfs-view.ts';
import { deviceOf, findTarget, isOn, superblockOf, uuidByLink } from './devices.ts';
import { type Location, locate, placeOf, readMounts } from './dump-location.ts';
import { describeForeign } from './foreign-file-systems.ts';

export interface HostTarget {
  /** For the capture: `UUID=…` wherever there is one, because a disk may have another name in the crash kernel. */
  readonly target: string;
  readonly fstype: string;
  /** The dump directory from the root of the file system; for btrfs, from the top of all subvolumes. */
  readonly path: string;
  /** Of the file system on a target that is named by its device; empty when unknown. */
  readonly targetUuid: string;
  /** The host's, of which a capture takes what it needs (capture/storage/device/mount-options.ts). */
  readonly mountOptions: string;
  /** The block device on the running machine, if it exists. */
  readonly device?: string;
  /** Where the dump directory is on the running machine. */
  readonly location: Location;
  /** The same where it is visible. */
  readonly directory?: string;
  /** An option of the config that selects a subvolume which was not found. */
  readonly unknownSubvolume?: string;
}

/** @throws TargetError when dumps could not go there, with what to do. */
export function hostTarget(host: Host, { options }: Settings): HostTarget {
  const path = options.path ?? DEFAULT_OPTIONS.path;
  const { target, fstype, mountOptions } = options;
  return target === undefined || fstype === undefined
    ? targetOfPath(host, path, mountOptions)
    : namedTarget(host, { target, fstype, path, mountOptions });
}

/** A target as the config names it; the path is below what its mount options select. */
interface Named {
  readonly target: string;
  readonly fstype: string;
  readonly path: string;
  readonly mountOptions?: string;
}

/** The directories that may hold dumps now: those of the target and of its fallbacks that are visible. */
export function dumpDirectories(host: Host, settings: Settings): string[] {
  const target = hostTarget(host, settings);
  const fallbacks = fallbackTargets(host, target, settings.options.fallbackTargets ?? []);
  const directories = [target, ...fallbacks].map(({ directory }) => directory);
  return [...new Set(directories)].filter(directory => directory !== undefined);
}

/** The fallbacks that have a file system. They use the same path as the target. */
export function fallbackTargets(host: Host, { path }: HostTarget, specs: readonly string[]): HostTarget[] {
  return specs.flatMap(text => {
    const spec = parseTargetSpec(text);
    if (spec?.kind !== 'file system') return [];
    const { device: target, fstype, mountOptions } = spec;
    return [namedTarget(host, { target, fstype, path, mountOptions })];
  });
}

/** The fallbacks as a capture needs them: a btrfs is mounted from the top, like the target. */
export function captureFallbacks(specs: readonly string[]): string[] {
  return specs.map(text => {
    const spec = parseTargetSpec(text);
    if (spec?.kind !== 'file system' || spec.fstype !== 'btrfs' || /\bsubvol/.test(spec.mountOptions))
      return text;
    return `${spec.fstype} ${spec.device} ${fromTop(spec.mountOptions)}`;
  });
}

function namedTarget(host: Host, { target, fstype, path, mountOptions }: Named): HostTarget {
  const device = findTarget(host, target);
  const mounts = readMounts(host);
  const here = mounts.filter(mount => device !== undefined && isOn(host, mount, device));
  const uuid = target.startsWith('/') && device ? superblockOf(host, device)?.uuid : undefined;
  const view =
    fstype === 'btrfs'
      ? viewFromTop(mountOptions ?? '', path, here)
      : { mountOptions: mountOptions || mountedWith(here[0]), path };
  const unknown = 'unknown' in view ? view.unknown : undefined;
  const location: Location =
    device && !unknown ? locate(host, mounts, device, view.path) : { kind: 'not mounted' };
  return {
    target,
    fstype,
    path: view.path,
    targetUuid: uuid ?? '',
    mountOptions: view.mountOptions,
    device,
    ...seen(location),
    ...(unknown ? { unknownSubvolume: unknown } : {}),
  };
}

function targetOfPath(host: Host, path: string, mountOptions: string | undefined): HostTarget {
  const place = placeOf(host, readMounts(host), path);
  const refuse = (actual: string) =>
    new TargetError('NO_TARGET', {
      action: `dump to ${path}`,
      actual,
      wanted: `a file system on a disk (${FILE_SYSTEM_NAMES.join(', ')})`,
      toDo: 'name one in /etc/kdump.conf, like "ext4 UUID=…"',
    });
  if (!place) throw refuse('/proc/self/mountinfo does not say what it is on');
  const { mount } = place;
  if (!FILE_SYSTEM_NAMES.includes(mount.fstype)) throw refuse(`it is on ${describeForeign(mount)}`);
  const device = deviceOf(host, mount);
  if (!device) throw refuse(`there is no block device ${mount.source}`);
  const uuid = superblockOf(host, device)?.uuid ?? uuidByLink(host, device);
  const options = mountOptions ?? mountedWith(mount);
  return {
    target: uuid ? `UUID=${uuid}` : device,
    fstype: mount.fstype,
    path: place.path,
    targetUuid: '',
    // The path is from the top, so that options of the config that select a subvolume have no say.
    mountOptions: mount.fstype === 'btrfs' ? fromTop(mountOptions ?? '') : options,
    device,
    ...seen({ kind: 'visible', directory: place.directory }),
  };
}

function mountedWith(mount: Mount | undefined): string {
  return mount?.options.join(',') ?? '';
}

function seen(location: Location): Pick<HostTarget, 'location' | 'directory'> {
  return { location, directory: location.kind === 'visible' ? location.directory : undefined };
}

/** Whether `path` on this machine is at the same path on the target's file system. */
export function isOnTarget(host: Host, { device }: HostTarget, path: string): boolean {
  const place = placeOf(host, readMounts(host), path);
  return (
    place !== undefined && device !== undefined && isOn(host, place.mount, device) && place.path === path
  );
}

/** The mount points that must be there for dumps to be read; for a unit's RequiresMountsFor=. */
export function mountsForDumps(host: Host, settings: Settings): string[] {
  const target = hostTarget(host, settings);
  const fallbacks = fallbackTargets(host, target, settings.options.fallbackTargets ?? []);
  const directories = [target, ...fallbacks].map(({ location }) => location.directory);
  return [...new Set(directories)].filter(directory => directory !== undefined);
}
