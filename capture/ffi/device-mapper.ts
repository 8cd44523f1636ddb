/** The device-mapper ioctls that a linear volume needs (Linux include/uapi/linux/dm-ioctl.h). */
import { closeSync, openSync } from 'node:fs';
import type { Libc } from './libc.ts';

/** Created by devtmpfs when the driver is loaded. */
const CONTROL = '/dev/mapper/control';
const HEADER_BYTES = 312;
const TARGET_BYTES = 40;
const INTERFACE_VERSION = 4;
/** _IOWR(0xfd, number, struct dm_ioctl) */
const command = (number: number) => ((3 << 30) | (HEADER_BYTES << 16) | (0xfd << 8) | number) >>> 0;
const DEV_CREATE = command(3);
const DEV_REMOVE = command(4);
const DEV_SUSPEND = command(6);
const TABLE_LOAD = command(9);

export interface LinearTarget {
  /** In 512-byte sectors. */
  readonly start: number;
  readonly length: number;
  readonly device: string;
  readonly deviceStart: number;
}

/** Creates the device `/dev/dm-N` of that name. @throws SystemError when the kernel refuses; no device is left then. */
export function createLinearDevice(
  libc: Pick<Libc, 'ioctl'>,
  name: string,
  uuid: string,
  targets: readonly LinearTarget[],
): void {
  const fd = openSync(CONTROL, 'r+');
  try {
    libc.ioctl(fd, DEV_CREATE, request(name, { uuid }), `create the volume ${name}`);
    try {
      libc.ioctl(fd, TABLE_LOAD, request(name, { targets }), `load the table of ${name}`);
      // Without DM_SUSPEND_FLAG this ioctl resumes the device.
      libc.ioctl(fd, DEV_SUSPEND, request(name, {}), `activate ${name}`);
    } catch (error) {
      libc.ioctl(fd, DEV_REMOVE, request(name, {}), `remove ${name}`);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/** struct dm_ioctl, then for each target a struct dm_target_spec with its parameters. */
export function request(
  name: string,
  { uuid = '', targets = [] }: { uuid?: string; targets?: readonly LinearTarget[] },
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const body = Buffer.concat(targets.map(encodeTarget));
  header.writeUInt32LE(INTERFACE_VERSION, 0);
  header.writeUInt32LE(HEADER_BYTES + body.length, 12); // data_size
  header.writeUInt32LE(HEADER_BYTES, 16); // data_start
  header.writeUInt32LE(targets.length, 20); // target_count
  // The last byte of both fields stays NUL.
  header.write(name.slice(0, 127), 48, 'latin1');
  header.write(uuid.slice(0, 128), 176, 'latin1');
  return Buffer.concat([header, body]);
}

function encodeTarget({ start, length, device, deviceStart }: LinearTarget): Buffer {
  const parameters = `${device} ${deviceStart}\0`;
  const spec = Buffer.alloc((TARGET_BYTES + parameters.length + 7) & ~7);
  spec.writeBigUInt64LE(BigInt(start), 0);
  spec.writeBigUInt64LE(BigInt(length), 8);
  spec.writeUInt32LE(spec.length, 20); // next
  spec.write('linear', 24, 'latin1');
  spec.write(parameters, TARGET_BYTES, 'latin1');
  return spec;
}
