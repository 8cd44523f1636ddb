/** The block devices of this boot, with every name that a target can be given by. There is no udev here; sysfs has it all. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { pathNames, type Sysfs } from './by-path.ts';
import type { DeviceFacts } from './device-names.ts';
import { readPartitionNames } from './partition-table.ts';
import { memberSignature, type ReadBytes } from './signatures.ts';
import { decodeSuperblock, SUPERBLOCK_BYTES, type Superblock } from './superblock.ts';

/** sysfs counts in these units, whatever the disk's sector size is. */
const SYSFS_SECTOR_BYTES = 512;
/** Loop devices carry our own runtime image; the others are memory or removable-media drives. */
const PASSED_OVER = /^(loop|ram|zram|sr|fd)\d/;

export interface BlockDevice extends DeviceFacts {
  readonly sizeBytes: number;
}

const SYSFS: Sysfs = {
  read(path) {
    try {
      return readFileSync(path, 'utf8').trimEnd();
    } catch {
      return undefined;
    }
  },
  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
};

/** Every disk and partition present. A device that disappears during the scan is left out. */
export function blockDevices(sysfs: Sysfs = SYSFS): BlockDevice[] {
  return sysfs
    .list('/sys/class/block')
    .filter(name => !PASSED_OVER.test(name))
    .flatMap(name => {
      try {
        return [describeDevice(name, realpathSync(`/sys/class/block/${name}`), sysfs)];
      } catch {
        return [];
      }
    });
}

function describeDevice(name: string, path: string, sysfs: Sysfs): BlockDevice {
  const node = nodeOf(name);
  const sizeBytes = Number(sysfs.read(`${path}/size`) ?? 0) * SYSFS_SECTOR_BYTES;
  const number = sysfs.read(`${path}/partition`);
  const disk = number ? dirname(path) : path;
  const suffix = number ? `-part${number}` : '';
  const mapped = sysfs.read(`${path}/dm/name`);
  return {
    node,
    aliases: [
      ...pathNames(disk, sysfs).map(alias => `/dev/disk/by-path/${alias}${suffix}`),
      ...(mapped ? mapperNames(mapped) : []),
    ],
    sizeBytes,
    ...readFacts(node, sizeBytes),
    partition: number ? partitionName(disk, Number(number), sysfs) : undefined,
  };
}

function readFacts(node: string, sizeBytes: number): { superblock?: Superblock; memberOf?: string } {
  if (sizeBytes === 0) return {}; // a drive without a medium
  return (
    withDevice(node, read => ({
      superblock: decodeSuperblock(read(0, SUPERBLOCK_BYTES)),
      memberOf: memberSignature(read, sizeBytes),
    })) ?? {}
  );
}

function partitionName(disk: string, number: number, sysfs: Sysfs): DeviceFacts['partition'] {
  const sizeBytes = Number(sysfs.read(`${disk}/size`) ?? 0) * SYSFS_SECTOR_BYTES;
  const sectorBytes = Number(sysfs.read(`${disk}/queue/logical_block_size`) ?? 512);
  return withDevice(nodeOf(basename(disk)), read => readPartitionNames(read, sizeBytes, sectorBytes)(number));
}

/** `vg-my--lv` is /dev/mapper/vg-my--lv, and /dev/vg/my-lv by LVM's links: LVM doubles each dash within a name. */
export function mapperNames(name: string): string[] {
  const match = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(name);
  const plain = (part: string) => part.replaceAll('--', '-');
  return [`/dev/mapper/${name}`, ...(match ? [`/dev/${plain(match[1])}/${plain(match[2])}`] : [])];
}

/** sysfs writes the slash in a device's name as an exclamation mark. */
function nodeOf(name: string): string {
  return `/dev/${name.replaceAll('!', '/')}`;
}

/** Returns undefined for a device that cannot be read: an empty drive, or one that disappears meanwhile. */
export function withDevice<T>(node: string, look: (read: ReadBytes) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(node, 'r');
  } catch {
    return undefined;
  }
  try {
    return look((offset, lengthBytes) => {
      const bytes = new Uint8Array(lengthBytes);
      return bytes.subarray(0, readSync(fd, bytes, 0, lengthBytes, offset));
    });
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
