/** Makes a target ready for a dump: finds its device and mounts its file system read-write, or opens the marked partition. */
import { mkdirSync, readFileSync } from 'node:fs';
import { describeError, TargetError } from '../errors.ts';
import type { System } from '../init/system.ts';
import { fileSystemNamed } from '../options/file-systems.ts';
import type { FileSystemTarget, FsckPolicy, TargetSpec } from '../options/target-spec.ts';
import type { BlockDevice } from './device/block-devices.ts';
import { findDevice, type Waiting } from './device/find-device.ts';
import { captureMountOptions } from './device/mount-options.ts';
import { createDumpDirectory } from './place/directory.ts';
import type { DumpPlace } from './place/place.ts';
import { openRawPartition } from './place/raw/partition.ts';

const MOUNTPOINT = '/target';

export interface OpenTarget {
  /** For messages: `/dev/vda, mounted as ext4`. */
  readonly description: string;
  readonly device: string;
  /** Where the file system's root is mounted; undefined for a partition without a file system. */
  readonly mountpoint?: string;
  /** Makes the place for one dump. */
  createPlace(path: string, stamp: string): DumpPlace;
  close(): void;
}

export interface OpeningTarget extends Waiting {
  readonly system: Pick<System, 'mount' | 'umount' | 'preen'>;
  readonly fsck: FsckPolicy;
  /** Replaced by tests. */
  readonly makeMountpoint?: (path: string) => void;
}

/** @throws TargetError when the device does not appear in time, SystemError when it does not mount. */
export function openTarget(spec: TargetSpec, opening: OpeningTarget): OpenTarget {
  const device = findDevice(spec, opening);
  return spec.kind === 'partition' ? openPartition(device) : openFileSystem(spec, device, opening);
}

function openPartition({ node, sizeBytes }: BlockDevice): OpenTarget {
  const partition = openRawPartition(node, sizeBytes);
  return {
    description: `${node}, a marked partition without a file system`,
    device: node,
    createPlace: (_, stamp) => partition.createPlace(stamp),
    close: () => partition.close(),
  };
}

function openFileSystem(spec: FileSystemTarget, device: BlockDevice, opening: OpeningTarget): OpenTarget {
  const { system, warn } = opening;
  const { node } = device;
  mountRepairing(spec, device, opening);
  return {
    description: `${node}, mounted as ${spec.fstype}`,
    device: node,
    mountpoint: MOUNTPOINT,
    createPlace: (path, stamp) => ({
      ...createDumpDirectory(MOUNTPOINT, path, stamp, warn),
      mostFileBytes: fileSystemNamed(spec.fstype)?.mostFileBytes,
    }),
    close: () => system.umount(MOUNTPOINT),
  };
}

/**
 * Mounts read-write. The kernel replays the journal. A file system that records errors, or that does not mount, is
 * checked first where the policy allows it, as the machine's next boot would do. One that cannot be repaired without a
 * decision is not written to.
 */
function mountRepairing(spec: FileSystemTarget, device: BlockDevice, opening: OpeningTarget): void {
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

/** Returns whether it was checked: false where the policy forbids it or the image has no checker. @throws SystemError */
function preen(spec: FileSystemTarget, { node }: BlockDevice, opening: OpeningTarget): boolean {
  const { fsck, system, say, warn } = opening;
  const checker = fileSystemNamed(spec.fstype)?.checker;
  if (fsck === 'never' || !checker) return false;
  const { program, args } = checker;
  say(`checking the file system on ${node} (${[program, ...args].join(' ')})`);
  const lines = system.preen(node, checker);
  if (!lines) warn(`there is no ${program} in the image`);
  for (const line of lines ?? []) say(`${program}: ${line}`);
  return lines !== undefined;
}

/** @throws TargetError also when the kernel mounted it read-only. */
function mountWritable(spec: FileSystemTarget, { node }: BlockDevice, opening: OpeningTarget): void {
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
    wanted: 'a sound file system on a writable disk',
    toDo: 'repair the file system with fsck',
  });
}

/** @param mounts the text of /proc/self/mounts (proc_pid_mounts(5)); the last line for a mount point is the visible one. */
export function isReadOnly(mounts: string, mountpoint: string): boolean {
  const line = mounts.split('\n').findLast(text => text.split(' ')[1] === mountpoint);
  return line?.split(' ')[3].split(',').includes('ro') ?? false;
}
