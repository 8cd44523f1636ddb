/** A target made ready to take a dump: its device found, its file system mounted read-write or its partition opened. */
import { mkdirSync, readFileSync } from 'node:fs';
import { describeError, TargetError } from '../errors.ts';
import type { System } from '../init/system.ts';
import type { FsckPolicy, TargetSpec } from '../options/target-spec.ts';
import type { BlockDevice } from './device/block-devices.ts';
import { findDevice, type Waiting } from './device/find-device.ts';
import { captureMountOptions } from './device/mount-options.ts';
import { createDumpDirectory } from './place/directory.ts';
import type { DumpPlace } from './place/place.ts';
import { openRawPartition } from './place/raw/partition.ts';

const MOUNTPOINT = '/target';
/** A file of a FAT is no larger (its length has 32 bits). */
const FAT_MOST_BYTES = 2 ** 32 - 1;

export interface OpenTarget {
  /** For messages: `/dev/vda, mounted as ext4`. */
  readonly description: string;
  readonly device: string;
  /** Where the file system's root is now; a raw partition has none. */
  readonly mountpoint?: string;
  /** Makes the place for one dump. */
  createPlace(path: string, stamp: string): DumpPlace;
  close(): void;
}

export interface OpeningTarget extends Waiting {
  readonly system: Pick<System, 'mount' | 'umount' | 'preen'>;
  readonly fsck: FsckPolicy;
  /** Exchangeable for a test's. */
  readonly makeMountpoint?: (path: string) => void;
}

/** @throws TargetError when there is no such device in time, SystemError when it does not mount. */
export function openTarget(spec: TargetSpec, opening: OpeningTarget): OpenTarget {
  const device = findDevice(spec, opening);
  return spec.fstype === 'raw' ? openRaw(device) : openFileSystem(spec, device, opening);
}

function openRaw({ node, sizeBytes }: BlockDevice): OpenTarget {
  const partition = openRawPartition(node, sizeBytes);
  return {
    description: `${node}, a partition of ours without a file system`,
    device: node,
    createPlace: (_, stamp) => partition.createPlace(stamp),
    close: () => partition.close(),
  };
}

function openFileSystem(spec: TargetSpec, device: BlockDevice, opening: OpeningTarget): OpenTarget {
  const { system, warn } = opening;
  const { node } = device;
  mountRepairing(spec, device, opening);
  return {
    description: `${node}, mounted as ${spec.fstype}`,
    device: node,
    mountpoint: MOUNTPOINT,
    createPlace: (path, stamp) => ({
      ...createDumpDirectory(MOUNTPOINT, path, stamp, warn),
      mostFileBytes: spec.fstype === 'vfat' ? FAT_MOST_BYTES : undefined,
    }),
    close: () => system.umount(MOUNTPOINT),
  };
}

/**
 * Mounts read-write. ext4's own journal is replayed by the kernel; a file system that knows of errors in itself, or that
 * does not mount, is checked first if the policy lets us, as the machine's next boot would do. What cannot be repaired
 * without a question is not written to.
 */
function mountRepairing(spec: TargetSpec, device: BlockDevice, opening: OpeningTarget): void {
  const { warn } = opening;
  const hasErrors = device.superblock?.hasErrors ?? false;
  if (hasErrors) warn(`the file system on ${device.node} says that it has errors`);
  const isRepaired = hasErrors && preen(spec, device, opening);
  try {
    mountWritable(spec, device, opening);
  } catch (error) {
    if (isRepaired) throw error;
    warn(describeError(error));
    if (!preen(spec, device, opening)) throw error;
    mountWritable(spec, device, opening);
  }
}

/** Returns whether it was repaired: not where the policy or the image has no checker for it. @throws SystemError */
function preen(spec: TargetSpec, { node }: BlockDevice, { fsck, system, say, warn }: OpeningTarget): boolean {
  if (fsck === 'never' || spec.fstype !== 'ext4') return false;
  say(`checking the file system on ${node} (e2fsck -p)`);
  const says = system.preen(node);
  if (!says) warn('there is no e2fsck in the image');
  for (const line of says ?? []) say(`e2fsck: ${line}`);
  return says !== undefined;
}

/** @throws TargetError also for what the kernel mounted, but not to be written to. */
function mountWritable(spec: TargetSpec, { node }: BlockDevice, opening: OpeningTarget): void {
  const { system, say, makeMountpoint = path => mkdirSync(path, { recursive: true }) } = opening;
  const { options, leftOut } = captureMountOptions(spec.fstype, spec.mountOptions);
  if (leftOut.length > 0) say(`mounting without the host's ${leftOut.join(',')}`);
  makeMountpoint(MOUNTPOINT);
  system.mount({ source: node, target: MOUNTPOINT, fstype: spec.fstype, options });
  if (!isReadOnly(readFileSync('/proc/self/mounts', 'utf8'), MOUNTPOINT)) return;
  system.umount(MOUNTPOINT);
  throw new TargetError('READ_ONLY', {
    action: `write to ${node}`,
    actual: 'the kernel mounted it read-only',
    wanted: 'a file system without errors on a disk that can be written to',
  });
}

/** @param mounts the text of /proc/self/mounts (proc_pid_mounts(5)); the last line for a place is what is seen there. */
export function isReadOnly(mounts: string, mountpoint: string): boolean {
  const line = mounts.split('\n').findLast(text => text.split(' ')[1] === mountpoint);
  return line?.split(' ')[3].split(',').includes('ro') ?? false;
}
