/**
 * A partition of our own without a file system, for when there is none that takes a dump:
 *
 *     0        slot: 4096 bytes
 *     4096     slot: 4096 bytes
 *     1 MiB    the files, one behind another, each from a multiple of 4096 on
 *
 * A slot says what is there. The two are written in turn, so that a power cut leaves the older one; the newer one that is
 * whole counts. It names a file only after the file is on the disk.
 *
 *     0     "KDUMPRAW"        8 bytes
 *     8     version, 1        u32, little-endian like the others
 *     12    CRC-32 of all that follows, to the slot's end
 *     16    generation        u64
 *     24    length of the text
 *     2048  the text: JSON, RawContents
 */
import { crc32 } from 'node:zlib';
import type { ReadBytes } from '../../device/signatures.ts';

export const SLOT_BYTES = 4096;
const SLOT_OFFSETS = [0, SLOT_BYTES] as const;
export const FILES_OFFSET = 1 << 20;
export const FILE_ALIGN_BYTES = 4096;

const MAGIC = 'KDUMPRAW';
const VERSION = 1;
/** The text is where no signature of a file system or of a part of something would be looked for. */
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

/** @throws RangeError for more than a slot holds, which no dump has. */
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

/** Undefined for what is no slot, or a damaged one. */
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

/** What the partition says of itself; undefined when it is none of ours. */
export function readContents(read: ReadBytes): RawSlot | undefined {
  return SLOT_OFFSETS.map(offset => decodeSlot(read(offset, SLOT_BYTES)))
    .filter(slot => slot !== undefined)
    .sort((a, b) => b.generation - a.generation)[0];
}

/** The slot of this generation: each where the one before it does not. */
export function slotOffset(generation: number): number {
  return SLOT_OFFSETS[generation % 2];
}

function isFile(value: Partial<RawFile> | null): boolean {
  return (
    isPlainName(value?.name) &&
    [value?.offset, value?.bytes].every(number => Number.isSafeInteger(number) && Number(number) >= 0) &&
    Number(value?.offset) >= FILES_OFFSET
  );
}

/** These become names of files and folders on the machine that takes the dump out. */
function isPlainName(name: unknown): boolean {
  return typeof name === 'string' && /^[\w-][\w.-]*$/.test(name) && name.length <= 100;
}
