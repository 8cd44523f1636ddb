/** Identifies the file system on a block device from its superblock: type, UUID and label. */
import {
  type DeviceCount,
  FILE_SYSTEMS,
  type FileSystem,
  type SuperblockLayout,
} from '../../options/file-systems.ts';

export interface Superblock {
  readonly fstype: string;
  /** In blkid's format but in lower case: with dashes; `1a2b-3c4d` for vfat. */
  readonly uuid: string;
  readonly label: string;
  /** The superblock records that errors were found. Undefined where the file system has no such flag. */
  readonly hasErrors?: boolean;
  /** Completes "its file system …" where it needs a device besides this one. */
  readonly otherDevice?: string;
}

/** How many bytes from the start of a device `decodeSuperblock` needs. */
export const SUPERBLOCK_BYTES = 0x10000 + 0x1000;

/** @param bytes the first SUPERBLOCK_BYTES of a device; fewer on a smaller device. */
export function decodeSuperblock(bytes: Uint8Array): Superblock | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const { name, superblocks } of FILE_SYSTEMS as readonly FileSystem[]) {
    const layout = superblocks.find(({ magics }) => magics.every(magic => hasMagic(buffer, magic)));
    if (layout) return decode(name, layout, buffer);
  }
  return undefined;
}

function decode(fstype: string, layout: SuperblockLayout, buffer: Buffer): Superblock {
  const { uuid, label, errorFlag, otherDevices = [] } = layout;
  const other = otherDevices.find(
    count => count.offset + 8 <= buffer.length && !count.alone(numberAt(buffer, count)),
  );
  const found = {
    fstype,
    uuid: uuid.kind === 'uuid' ? uuidText(buffer, uuid.offset) : serialText(buffer.readUInt32LE(uuid.offset)),
    label: labelText(buffer, label),
    ...(other ? { otherDevice: other.else } : {}),
  };
  if (!errorFlag) return found;
  return { ...found, hasErrors: (buffer.readUInt16LE(errorFlag.offset) & errorFlag.bit) !== 0 };
}

function numberAt(buffer: Buffer, { offset, size }: DeviceCount): bigint {
  if (size === 'u32le') return BigInt(buffer.readUInt32LE(offset));
  return size === 'u64le' ? buffer.readBigUInt64LE(offset) : buffer.readBigUInt64BE(offset);
}

function hasMagic(buffer: Buffer, { offset, bytes }: { offset: number; bytes: string }): boolean {
  return buffer.toString('hex', offset, offset + bytes.length / 2) === bytes;
}

function labelText(buffer: Buffer, { offset, bytes, blank }: SuperblockLayout['label']): string {
  const text = buffer.toString('utf8', offset, offset + bytes).replace(/\0.*$/s, '');
  if (blank === undefined) return text;
  const trimmed = text.trimEnd();
  return trimmed === blank ? '' : trimmed;
}

/** 16 bytes in the order of the text. */
function uuidText(buffer: Buffer, offset: number): string {
  const hex = buffer.toString('hex', offset, offset + 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function serialText(serial: number): string {
  return serial
    .toString(16)
    .padStart(8, '0')
    .replace(/^(.{4})/, '$1-');
}
