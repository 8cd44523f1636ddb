/** Block devices of the running machine: found by a target's name, by a mount, and read. */
import { posix } from 'node:path';
import { withDevice } from '../../../capture/storage/device/block-devices.ts';
import { namesDevice } from '../../../capture/storage/device/device-names.ts';
import { memberSignature } from '../../../capture/storage/device/signatures.ts';
import {
  decodeSuperblock,
  SUPERBLOCK_BYTES,
  type Superblock,
} from '../../../capture/storage/device/superblock.ts';
import type { Host } from '../host/host.ts';
import type { Mount } from '../host/mounts.ts';

const SECTOR_BYTES = 512;

/** The device that a target's name means now: `/dev/…`. */
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

/** The device of a mount, by its number; by its source for btrfs, whose number is not a device's. */
export function deviceOf(host: Host, { source, device }: Mount): string | undefined {
  const name = posix.basename(host.resolve(`/sys/dev/block/${device}`) ?? '').replaceAll('!', '/');
  if (name !== '' && host.exists(`/dev/${name}`)) return `/dev/${name}`;
  return source.startsWith('/dev/') && host.exists(source) ? source : undefined;
}

export function isOn(host: Host, mount: Mount, device: string): boolean {
  const mounted = deviceOf(host, mount);
  return mounted !== undefined && nodeOf(host, mounted) === nodeOf(host, device);
}

/** `/dev/dm-0` for `/dev/mapper/vg-root`. */
export function nodeOf(host: Host, device: string): string {
  return host.resolve(device) ?? device;
}

/** The device's name in /sys/class/block. */
export function blockName(host: Host, device: string): string {
  return nodeOf(host, device)
    .replace(/^\/dev\//, '')
    .replaceAll('/', '!');
}

/** Undefined where the device cannot be read (without root, an empty drive), or has none of our file systems. */
export function superblockOf(host: Host, device: string): Superblock | undefined {
  return withDevice(host.path(device), read => decodeSuperblock(read(0, SUPERBLOCK_BYTES)));
}

/** The larger device that this one is a member of, by its signature. */
export function memberOf(host: Host, device: string): string | undefined {
  const sizeBytes = Number(host.read(`/sys/class/block/${blockName(host, device)}/size`) ?? 0) * SECTOR_BYTES;
  return sizeBytes === 0
    ? undefined
    : withDevice(host.path(device), read => memberSignature(read, sizeBytes));
}

/** Whether the device can be read at all; then "no file system" is a fact. */
export function isReadable(host: Host, device: string): boolean {
  return withDevice(host.path(device), read => read(0, SECTOR_BYTES).length === SECTOR_BYTES) ?? false;
}

export function uuidByLink(host: Host, device: string): string | undefined {
  const folder = '/dev/disk/by-uuid';
  const real = host.resolve(device);
  return host.list(folder).find(uuid => host.resolve(`${folder}/${uuid}`) === real);
}
