/** Reads a disk's LVM label and the metadata of its volume group. Layout: lvm2 lib/format_text/layout.h, lib/label/label.h. */
import { crc32 } from '../../../kdump/format/crc32.ts';
import type { ReadBytes } from '../signatures.ts';
import { parseMetadata, type Section } from './metadata-text.ts';

export interface PhysicalVolume {
  /** 32 characters, without the dashes that LVM's metadata text has. */
  readonly uuid: string;
  /** Undefined where the disk has no intact copy; another disk of the group may have one. */
  readonly metadata?: Section;
}

const SECTOR_BYTES = 512;
const LABEL_SECTORS = 4;
const LABEL_HEADER_BYTES = 32;
const UUID_BYTES = 32;
const MDA_HEADER_BYTES = 512;
const MDA_MAGIC = ' LVM2 x[5A%r0N*>';
const MOST_AREAS = 16;
/** LVM's default area is 1 MiB. */
const MOST_TEXT_BYTES = 16 << 20;
const IGNORED = 1;

/** Returns undefined when no label has a valid checksum. */
export function readPhysicalVolume(read: ReadBytes): PhysicalVolume | undefined {
  for (let sector = 0; sector < LABEL_SECTORS; sector++) {
    const label = Buffer.from(read(sector * SECTOR_BYTES, SECTOR_BYTES));
    if (label.length < SECTOR_BYTES || label.toString('latin1', 0, 8) !== 'LABELONE') continue;
    const isOurs =
      label.readBigUInt64LE(8) === BigInt(sector) && label.toString('latin1', 24, 32) === 'LVM2 001';
    if (isOurs && lvmCrc(label.subarray(20)) === label.readUInt32LE(16)) return readHeader(label, read);
  }
  return undefined;
}

function readHeader(label: Buffer, read: ReadBytes): PhysicalVolume | undefined {
  const at = label.readUInt32LE(20);
  if (at < LABEL_HEADER_BYTES || at + UUID_BYTES + 8 > SECTOR_BYTES) return undefined;
  const uuid = label.toString('latin1', at, at + UUID_BYTES);
  // Two lists of areas, each ended by zeros: the data areas, which the metadata has too, and the metadata areas.
  const data = readPlaces(label, at + UUID_BYTES + 8);
  const areas = data && readPlaces(label, data.end);
  const metadata = areas?.places.map(place => readArea(place.offset, read)).find(found => found);
  return { uuid, metadata };
}

function readPlaces(label: Buffer, from: number) {
  const places: { offset: number; sizeBytes: number }[] = [];
  for (let at = from; at + 16 <= SECTOR_BYTES && places.length < MOST_AREAS; at += 16) {
    const place = {
      offset: Number(label.readBigUInt64LE(at)),
      sizeBytes: Number(label.readBigUInt64LE(at + 8)),
    };
    if (place.offset === 0) return { places, end: at + 16 };
    places.push(place);
  }
  return undefined;
}

/** A metadata area: a ring buffer of texts behind a header that points to the current one. */
function readArea(start: number, read: ReadBytes): Section | undefined {
  const header = Buffer.from(read(start, MDA_HEADER_BYTES));
  if (header.length < MDA_HEADER_BYTES || header.toString('latin1', 4, 20) !== MDA_MAGIC) return undefined;
  if (lvmCrc(header.subarray(4)) !== header.readUInt32LE(0)) return undefined;
  const areaBytes = Number(header.readBigUInt64LE(32));
  const offset = Number(header.readBigUInt64LE(40));
  const sizeBytes = Number(header.readBigUInt64LE(48));
  const [checksum, flags] = [header.readUInt32LE(56), header.readUInt32LE(60)];
  if (offset === 0 || flags & IGNORED || !(sizeBytes <= Math.min(areaBytes, MOST_TEXT_BYTES)))
    return undefined;
  if (!(offset >= MDA_HEADER_BYTES && offset < areaBytes)) return undefined;
  const untilEnd = Math.min(sizeBytes, areaBytes - offset);
  const text = Buffer.concat([
    read(start + offset, untilEnd),
    read(start + MDA_HEADER_BYTES, sizeBytes - untilEnd),
  ]);
  if (lvmCrc(text) !== checksum) return undefined;
  try {
    return parseMetadata(text.toString('utf8').replace(/\0+$/, ''));
  } catch {
    return undefined;
  }
}

/** CRC-32 with a different initial value and without the final inversion. */
function lvmCrc(bytes: Uint8Array): number {
  const INITIAL = 0xf597a6cf;
  return ~crc32(bytes, ~INITIAL >>> 0) >>> 0;
}
