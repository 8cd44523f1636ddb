/**
 * Whether a capture could write to the targets of this machine. A target is accepted when every layer from its file
 * system to the bus of its disk is known and supported; anything else is refused by name, with what would work.
 */
import { posix } from 'node:path';
import { counted, describeError, Failure, TargetError } from '../../../capture/errors.ts';
import { parseTargetSpec, type TargetSpec } from '../../../capture/options/target-spec.ts';
import { withDevice } from '../../../capture/storage/device/block-devices.ts';
import { pathNames } from '../../../capture/storage/device/by-path.ts';
import { readContents } from '../../../capture/storage/place/raw/layout.ts';
import { layersBelow } from '../../../initrd/sysfs.ts';
import type { Host } from '../host/host.ts';
import { blockName, findTarget, isReadable, memberOf, nodeOf, superblockOf } from './devices.ts';
import { describeAbsence } from './dump-location.ts';
import { pathObstacle } from './dump-path.ts';
import { fallbackTargets, type HostTarget } from './host-target.ts';
import { volumeObstacle } from './logical-volumes.ts';

export interface TargetFinding {
  /** A crash would not be captured as configured; else it is a warning. */
  readonly blocks: boolean;
  readonly text: string;
  /** A command, or a sentence without its full stop. */
  readonly fix: string;
}

/** One place to examine: what the config calls it, and what it is on this machine. */
interface Candidate {
  readonly spec: TargetSpec;
  readonly device: string;
  /** For file systems. */
  readonly target?: HostTarget;
}

type Look = (
  host: Host,
  candidate: Candidate,
) => { readonly actual: string; readonly toDo: string } | undefined;

/** In this order; the first that finds something is reported for a target. */
const LOOKS: readonly Look[] = [lookAtName, lookAtLayers, lookAtUsers, lookAtContents, lookAtPath];

/** @param fallbacks as in kdump.conf's fallback_target. The target itself exists. */
export function targetFindings(
  host: Host,
  target: HostTarget,
  fallbacks: readonly string[] = [],
): TargetFinding[] {
  const spec = { kind: 'file system', ...target, device: target.target, uuid: target.targetUuid } as const;
  const main = target.device ? examine(host, { spec, device: target.device, target }) : [];
  return [...main, ...fallbacks.flatMap(text => examineFallback(host, text, target))];
}

/** @throws TargetError for the first finding that blocks. */
export function requireSupported(host: Host, target: HostTarget, fallbacks: readonly string[] = []): void {
  const found = targetFindings(host, target, fallbacks).find(({ blocks }) => blocks);
  if (!found) return;
  throw new TargetError('UNSUPPORTED_TARGET', {
    action: 'use the dump target',
    actual: found.text,
    toDo: found.fix,
  });
}

function examineFallback(host: Host, text: string, main: HostTarget): TargetFinding[] {
  const spec = parseTargetSpec(text);
  if (!spec) return [];
  const [target] = fallbackTargets(host, main, [text]);
  const device = findTarget(host, spec.device);
  const named = lookAtName(host, { spec, device, target });
  if (named) return [finding(spec.device, named)];
  if (device) return examine(host, { spec, device, target });
  return [
    {
      blocks: false,
      text: `the fallback target ${spec.device} does not exist now`,
      fix: 'attach its disk, or remove the line from /etc/kdump.conf',
    },
  ];
}

function examine(host: Host, candidate: Candidate): TargetFinding[] {
  for (const look of LOOKS) {
    const found = look(host, candidate);
    if (found) return [finding(candidate.spec.device, found)];
  }
  return [];
}

function finding(target: string, { actual, toDo }: { actual: string; toDo: string }): TargetFinding {
  return { blocks: true, text: `dumps cannot go to ${target}: ${actual}`, fix: toDo };
}

const TAG_LINK = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\//;
const OTHER_LINK = /^\/dev\/disk\/(?!by-path\/)/;

/** A capture has no udev: it knows kernel names, tags, by-path names and LVM's names. */
function lookAtName(host: Host, { spec, device }: Omit<Candidate, 'device'> & { device?: string }) {
  const name = spec.device;
  if (!name.startsWith('/') || TAG_LINK.test(name) || (spec.kind === 'file system' && spec.uuid))
    return undefined;
  const isKnown = device
    ? name === nodeOf(host, device) || isAlias(host, name, device)
    : !OTHER_LINK.test(name);
  if (isKnown) return undefined;
  const uuid = device && spec.kind === 'file system' ? superblockOf(host, device)?.uuid : undefined;
  return {
    actual: 'the capture, which has no udev, does not know this name',
    toDo: `write ${uuid ? `UUID=${uuid}` : 'UUID=… or PARTUUID=…'} instead in /etc/kdump.conf`,
  };
}

function isAlias(host: Host, name: string, device: string): boolean {
  if (name.startsWith('/dev/mapper/') || /^\/dev\/(?!disk\/)[^/]+\/[^/]+$/.test(name)) {
    return host.exists(`/sys/class/block/${blockName(host, device)}/dm`);
  }
  const path = host.resolve(`/sys/class/block/${blockName(host, device)}`);
  if (path === undefined) return false;
  const part = host.read(`${path}/partition`)?.trim();
  const sysfs = {
    read: (file: string) => host.read(file)?.trimEnd(),
    list: (folder: string) => host.list(folder),
  };
  const names = pathNames(part ? posix.dirname(path) : path, sysfs);
  return names.some(alias => name === `/dev/disk/by-path/${alias}${part ? `-part${part}` : ''}`);
}

function lookAtLayers(host: Host, { device }: Candidate) {
  try {
    for (const layer of layersBelow(blockName(host, device), host.path('/sys'))) {
      const { device: at, is, refused, mapped } = layer;
      if (refused) return { actual: `${at} is ${is}, which the capture does not support`, toDo: refused };
      const obstacle = mapped && volumeObstacle(host, mapped);
      if (!obstacle) continue;
      return {
        actual: `the capture cannot activate the logical volume ${mapped.name}: ${obstacle}`,
        toDo: 'create a linear logical volume for dumps (lvcreate --type linear) and name it in /etc/kdump.conf',
      };
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { actual: describeError(error), toDo: 'name a file system on a local disk in /etc/kdump.conf' };
  }
}

/** A device that others are stacked on is not a file system of its own. */
function lookAtUsers(host: Host, { device }: Candidate) {
  const holders = host.list(`/sys/class/block/${blockName(host, device)}/holders`);
  const member = memberOf(host, device);
  if (holders.length === 0 && !member) return undefined;
  const actual = member
    ? `${device} is a member of a larger device (${member})`
    : `${device} is in use by ${holders.map(holder => `/dev/${holder}`).join(' ')}`;
  return { actual, toDo: 'name a file system that has a device of its own in /etc/kdump.conf' };
}

function lookAtContents(host: Host, { spec, device }: Candidate) {
  if (spec.kind === 'partition') return lookAtMark(host, device);
  const superblock = superblockOf(host, device);
  const others = superblock ? devicesOf(host, superblock.uuid) : 0;
  if (others > 1) {
    return {
      actual: `its file system spans ${counted(others, 'device')}, and a capture brings up one`,
      toDo: 'name a file system on a single device in /etc/kdump.conf',
    };
  }
  if (superblock?.otherDevice) {
    return {
      actual: `its file system ${superblock.otherDevice}`,
      toDo: 'name a file system on a single device in /etc/kdump.conf',
    };
  }
  if (superblock ? superblock.fstype === spec.fstype : !isReadable(host, device)) return undefined;
  return {
    actual: superblock
      ? `${device} has ${superblock.fstype}, not ${spec.fstype}`
      : `${device} has no ${spec.fstype} file system`,
    toDo: 'correct the target line in /etc/kdump.conf',
  };
}

/** Of a mounted btrfs, which the kernel lists with its devices. */
function devicesOf(host: Host, uuid: string): number {
  return host.list(`/sys/fs/btrfs/${uuid}/devices`).length;
}

function lookAtMark(host: Host, device: string) {
  if (!isReadable(host, device)) return undefined;
  const contents = withDevice(host.path(device), readContents);
  if (contents?.stamp === null) return undefined;
  return contents
    ? {
        actual: `it holds the dump ${contents.stamp}`,
        toDo: `run \`kdumpling recover --clear ${device} DIR\``,
      }
    : { actual: 'it is not marked for dumps', toDo: `run \`kdumpling recover --mark ${device}\`` };
}

function lookAtPath(host: Host, { target }: Candidate) {
  if (!target) return undefined;
  if (target.unknownSubvolume) {
    return {
      actual: `the subvolume that ${target.unknownSubvolume} selects is not mounted, so that its path is unknown`,
      toDo: 'mount it, or write subvol=PATH in mount_options',
    };
  }
  const { location } = target;
  if (location.kind === 'hidden') return describeAbsence(location);
  const obstacle = pathObstacle(host, target);
  if (!obstacle) return undefined;
  return { actual: obstacle, toDo: 'name the real directory by `path` in /etc/kdump.conf' };
}
