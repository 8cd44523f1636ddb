/** The machine's own boot disk: found by what its superblock says or by its name, waited for, mounted. */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync } from 'node:fs';
import { TargetError } from '../errors.ts';
import type { System } from '../init/system.ts';
import { decodeSuperblock, isTarget, SUPERBLOCK_BYTES } from './superblock.ts';

export interface BootDisk {
  readonly device: string;
  readonly mountpoint: string;
}

const MOUNTPOINT = '/target';
/** A dump must not bring programs or devices with it, whatever a broken disk says. */
const MOUNT_FLAGS = ['rw', 'nosuid', 'nodev', 'noexec'];
const POLL_SECONDS = 0.2;

/**
 * Waits for the device and mounts it read-write.
 * @throws TargetError when it does not appear in time, SystemError when it does not mount.
 */
export function mountBootDisk(
  target: { target: string; fstype: string; timeoutSeconds: number },
  system: Pick<System, 'mount'>,
  clock: { seconds(): number; sleep(seconds: number): void },
): BootDisk {
  const device = waitForDevice(target.target, target.timeoutSeconds, clock);
  mkdirSync(MOUNTPOINT, { recursive: true });
  system.mount({ source: device, target: MOUNTPOINT, fstype: target.fstype, flags: MOUNT_FLAGS });
  return { device, mountpoint: MOUNTPOINT };
}

function waitForDevice(
  target: string,
  timeoutSeconds: number,
  clock: { seconds(): number; sleep(seconds: number): void },
): string {
  const deadline = clock.seconds() + timeoutSeconds;
  for (;;) {
    const device = findDevice(target);
    if (device) return device;
    if (clock.seconds() >= deadline) {
      throw new TargetError('DEVICE_MISSING', {
        action: `find the dump target ${target}`,
        actual: `it did not appear in ${timeoutSeconds} s; there are ${blockDevices().join(' ') || 'no block devices'}`,
        wanted: 'its disk, and the modules for it in the image',
      });
    }
    clock.sleep(POLL_SECONDS);
  }
}

function findDevice(target: string): string | undefined {
  if (target.startsWith('/')) return existsSync(target) ? target : undefined;
  return blockDevices().find(device => {
    const superblock = readSuperblock(device);
    return superblock !== undefined && isTarget(target, superblock);
  });
}

/** Loop devices hold our own runtime image; the rest may hold a file system. */
function blockDevices(): string[] {
  const names = existsSync('/sys/class/block') ? readdirSync('/sys/class/block') : [];
  return names.filter(name => !name.startsWith('loop')).map(name => `/dev/${name}`);
}

function readSuperblock(device: string) {
  try {
    const fd = openSync(device, 'r');
    try {
      const bytes = new Uint8Array(SUPERBLOCK_BYTES);
      return decodeSuperblock(bytes.subarray(0, readSync(fd, bytes)));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // an empty drive, or a device that goes away while we look
  }
}
