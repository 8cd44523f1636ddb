/** A target made ready to take a dump: its device found, its file system mounted read-write or its partition opened. */
import { mkdirSync, readFileSync } from 'node:fs';
import { describeError, TargetError } from '../errors.ts';
import type { System } from '../init/system.ts';
import type { BlockDevice } from './block-devices.ts';
import { createDumpDirectory } from './dump-directory.ts';
import type { DumpPlace } from './dump-place.ts';
import { findDevice, type Waiting } from './find-device.ts';
import { captureMountOptions } from './mount-options.ts';
import { openRawPartition } from './raw/partition.ts';
import type { FsckPolicy, TargetSpec } from './target-spec.ts';

const MOUNTPOINT = '/target';
/** A file of a FAT is no larger (its length has 32 bits). */
const FAT_MOST_BYTES = 2 ** 32 - 1;

export interface OpenTarget {
  /** For messages: `/dev/vda, mounted as ext4`. */
  readonly description: string;
  readonly device: string;
  /** Where the file system's root is now; a raw partition has none. */
  readonly mountpoint?: string;
  /** Of a file, where the file system has a limit that a dump can meet. */
  readonly mostFileBytes?: number;
  /** Makes the place for one dump. */
  createPlace(path: string, stamp: string): DumpPlace;
  close(): void;
}

export interface OpeningTarget extends Waiting {
  readonly system: Pick<System, 'mount' | 'umount' | 'preen'>;
  readonly fsck: FsckPolicy;
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
    mostFileBytes: spec.fstype === 'vfat' ? FAT_MOST_BYTES : undefined,
    createPlace: (path, stamp) => createDumpDirectory(MOUNTPOINT, path, stamp, warn),
    close: () => system.umount(MOUNTPOINT),
  };
}

/**
 * Mounts read-write. ext4's own journal is replayed by the kernel; a file system that knows of errors in itself, or that
 * does not mount, is checked first if the policy lets us, as the machine's next boot would do.
 */
function mountRepairing(spec: TargetSpec, device: BlockDevice, opening: OpeningTarget): void {
  const { fsck, say, warn } = opening;
  const mayPreen = fsck === 'preen' && spec.fstype === 'ext4';
  const preen = () => {
    say(`checking the file system on ${device.node} (e2fsck -p)`);
    say(`e2fsck: ${opening.system.preen(device.node)}`);
  };
  if (device.superblock?.hasErrors) {
    warn(`the file system on ${device.node} says that it has errors`);
    // What cannot be repaired by itself must not be written to, and the error says so.
    if (mayPreen) preen();
  }
  try {
    mountWritable(spec, device, opening);
  } catch (error) {
    if (!mayPreen || device.superblock?.hasErrors) throw error;
    warn(describeError(error));
    preen();
    mountWritable(spec, device, opening);
  }
}

/** @throws TargetError also for what the kernel mounted, but not to be written to. */
function mountWritable(spec: TargetSpec, { node }: BlockDevice, { system, say }: OpeningTarget): void {
  const { options, leftOut } = captureMountOptions(spec.fstype, spec.mountOptions);
  if (leftOut.length > 0) say(`mounting without the host's ${leftOut.join(',')}`);
  mkdirSync(MOUNTPOINT, { recursive: true });
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
