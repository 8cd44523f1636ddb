/**
 * The UUIDs and labels of a disk's partitions. sysfs lists the partitions, but gives their UUIDs only since Linux v6.10
 * and their labels not at all, so that they are read from the partition table.
 * GPT: UEFI Specification 5.3; MBR: the disk's signature at 440, as Linux block/partitions/msdos.c reads it.
 */
import { crc32 } from '../../kdump/format/crc32.ts';
import type { ReadBytes } from './signatures.ts';

export interface PartitionName {
  /** Lower case; `1a2b3c4d-01` on an MBR disk. */
  readonly uuid: string;
  /** Empty on an MBR disk. */
  readonly label: string;
}

/** The name of the partition with this number, or undefined. */
export type PartitionNames = (number: number) => PartitionName | undefined;

const HEADER_BYTES = 92;
/** The specification's minimum. Linux accepts any multiple; the upper bound rejects nonsense. */
const ENTRY_BYTES = 128;
const MOST_ENTRY_BYTES = 4096;
const MOST_ENTRIES = 1024;

/** @param sectorBytes of the disk: 512 or 4096. */
export function readPartitionNames(read: ReadBytes, sizeBytes: number, sectorBytes: number): PartitionNames {
  const lastSector = Math.floor(sizeBytes / sectorBytes) - 1;
  for (const sector of [1, lastSector]) {
    const names = readGpt(read, sector, sizeBytes, sectorBytes);
    if (names) return number => names.get(number);
  }
  const mbr = Buffer.from(read(0, 512));
  if (mbr.length < 512 || mbr.readUInt16BE(510) !== 0x55aa) return () => undefined;
  const signature = mbr.readUInt32LE(440).toString(16).padStart(8, '0');
  return number => ({ uuid: `${signature}-${number.toString(16).padStart(2, '0')}`, label: '' });
}

/** The table whose header is in this sector, if its checksums are right. */
function readGpt(
  read: ReadBytes,
  sector: number,
  sizeBytes: number,
  sectorBytes: number,
): Map<number, PartitionName> | undefined {
  const header = Buffer.from(read(sector * sectorBytes, HEADER_BYTES));
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  if (header.readUInt32LE(12) !== HEADER_BYTES) return undefined;
  const unsigned = Buffer.from(header).fill(0, 16, 20);
  if (crc32(unsigned) !== header.readUInt32LE(16)) return undefined;
  const entriesAt = Number(header.readBigUInt64LE(72)) * sectorBytes;
  const [count, entryBytes] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count > MOST_ENTRIES || entryBytes < ENTRY_BYTES || entryBytes > MOST_ENTRY_BYTES) return undefined;
  if (!(entriesAt + count * entryBytes <= sizeBytes)) return undefined;
  const entries = Buffer.from(read(entriesAt, count * entryBytes));
  if (crc32(entries) !== header.readUInt32LE(88)) return undefined;

  const names = new Map<number, PartitionName>();
  for (let i = 0; i < count; i++) {
    const entry = entries.subarray(i * entryBytes, i * entryBytes + ENTRY_BYTES);
    const isUnused = entry.subarray(0, 16).every(byte => byte === 0);
    if (!isUnused) names.set(i + 1, { uuid: guidText(entry.subarray(16, 32)), label: labelText(entry) });
  }
  return names;
}

/** The first three fields of a GUID are little-endian. */
function guidText(guid: Buffer): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const head = [hex(guid.readUInt32LE(0), 8), hex(guid.readUInt16LE(4), 4), hex(guid.readUInt16LE(6), 4)];
  return [...head, guid.toString('hex', 8, 10), guid.toString('hex', 10, 16)].join('-');
}

function labelText(entry: Buffer): string {
  return entry.toString('utf16le', 56, 128).replace(/\0.*$/s, '');
}
