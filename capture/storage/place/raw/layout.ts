/**
 * The layout of a partition without a file system that takes one dump when no file system does:
 *
 *     0        slot: 4096 bytes
 *     4096     slot: 4096 bytes
 *     1 MiB    the files in turn, each aligned to 4096 bytes
 *
 * A slot lists the contents. The two are written in turn, so a power cut leaves the older one intact; the newer valid one
 * counts. A slot names a file only after the file is on the disk.
 *
 *     0     "KDUMPRAW"        8 bytes
 *     8     version, 1        u32; all integers are little-endian
 *     12    CRC-32 of all that follows, to the slot's end
 *     16    generation        u64
 *     24    length of the text
 *     2048  the text: JSON, RawContents
 */
import { crc32 } from '../../../kdump/format/crc32.ts';
import type { ReadBytes } from '../../device/signatures.ts';

export const SLOT_BYTES = 4096;
const SLOT_OFFSETS = [0, SLOT_BYTES] as const;
export const FILES_OFFSET = 1 << 20;
export const FILE_ALIGN_BYTES = 4096;

const MAGIC = 'KDUMPRAW';
const VERSION = 1;
/** The text starts behind every offset at which the signature of a file system, RAID or LVM is searched for. */
const TEXT_OFFSET = 2048;

export interface RawFile {
  readonly name: string;
  /** From the partition's start. */
  readonly offset: number;
  readonly bytes: number;
  /** Hexadecimal; absent for a dump, whose digests are in its manifest. */
  readonly crc32?: string;
}

export interface RawContents {
  /** The dump's name; null while the partition waits for one. */
  readonly stamp: string | null;
  readonly files: readonly RawFile[];
}

export interface RawSlot extends RawContents {
  readonly generation: number;
}

export const EMPTY: RawContents = { stamp: null, files: [] };

/** @throws RangeError for more files than fit; a dump never has as many. */
export function encodeSlot({ generation, stamp, files }: RawSlot): Buffer {
  const text = Buffer.from(JSON.stringify({ stamp, files }));
  if (text.length > SLOT_BYTES - TEXT_OFFSET) throw new RangeError(`${text.length} bytes for a slot`);
  const slot = Buffer.alloc(SLOT_BYTES);
  slot.write(MAGIC, 0, 'latin1');
  slot.writeUInt32LE(VERSION, 8);
  slot.writeBigUInt64LE(BigInt(generation), 16);
  slot.writeUInt32LE(text.length, 24);
  text.copy(slot, TEXT_OFFSET);
  slot.writeUInt32LE(crc32(slot.subarray(16)), 12);
  return slot;
}

/** Undefined for anything but a valid slot. */
export function decodeSlot(bytes: Uint8Array): RawSlot | undefined {
  const slot = Buffer.from(bytes);
  if (slot.length < SLOT_BYTES || slot.toString('latin1', 0, 8) !== MAGIC) return undefined;
  if (slot.readUInt32LE(8) !== VERSION || slot.readUInt32LE(12) !== crc32(slot.subarray(16)))
    return undefined;
  const length = slot.readUInt32LE(24);
  if (length > SLOT_BYTES - TEXT_OFFSET) return undefined;
  try {
    const { stamp, files } = JSON.parse(slot.toString('utf8', TEXT_OFFSET, TEXT_OFFSET + length));
    if (!(stamp === null || isPlainName(stamp)) || !Array.isArray(files) || !files.every(isFile))
      return undefined;
    return { generation: Number(slot.readBigUInt64LE(16)), stamp, files };
  } catch {
    return undefined;
  }
}

/** The newest valid slot; undefined for a partition that kdumpling did not mark. */
export function readContents(read: ReadBytes): RawSlot | undefined {
  return SLOT_OFFSETS.map(offset => decodeSlot(read(offset, SLOT_BYTES)))
    .filter(slot => slot !== undefined)
    .sort((a, b) => b.generation - a.generation)[0];
}

/** The offset of the slot of this generation. Generations alternate between the two. */
export function slotOffset(generation: number): number {
  return SLOT_OFFSETS[generation % 2];
}

function isFile(value: Partial<RawFile> | null): boolean {
  return (
    isPlainName(value?.name) &&
    [value?.offset, value?.bytes].every(number => Number.isSafeInteger(number) && Number(number) >= 0) &&
    Number(value?.offset) >= FILES_OFFSET &&
    (value?.crc32 === undefined || isChecksum(value.crc32))
  );
}

function isChecksum(text: unknown): boolean {
  return typeof text === 'string' && /^[0-9a-f]{1,8}$/.test(text);
}

/** `kdumpling recover` makes files and directories of these names. */
function isPlainName(name: unknown): boolean {
  return typeof name === 'string' && /^[\w-][\w.-]*$/.test(name) && name.length <= 100;
}
