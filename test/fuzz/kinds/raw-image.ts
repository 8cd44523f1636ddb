/** Images of a marked partition with a dump, damaged in the slots' text under a right checksum, or anywhere. */
import { crc32 } from 'node:zlib';
import { encodeSlot, FILES_OFFSET, SLOT_BYTES } from '../../../capture/storage/place/raw/layout.ts';
import type { Random } from '../../support/random.ts';
import { type MutantBytes, mutateBytes } from '../mutate/bytes.ts';
import { mutateJson } from '../mutate/json.ts';

const LOG = Buffer.from('a line of a log\n');
const SLOT = { crc: 12, length: 24, text: 2048 } as const;
const FILES = [
  { name: 'vmcore-dmesg.txt', offset: FILES_OFFSET, bytes: LOG.length, crc32: crc32(LOG).toString(16) },
  { name: 'vmcore', offset: FILES_OFFSET + 4096, bytes: 5000 },
];
const STAMP = '20261128T101213Z';

const FIELDS = [
  { name: 'version', offset: 8, lengthBytes: 4 },
  { name: 'generation', offset: 16, lengthBytes: 8 },
  { name: 'length', offset: SLOT.length, lengthBytes: 4 },
] as const;

export function rawImage(random: Random): MutantBytes {
  const image = Buffer.alloc(FILES_OFFSET + 16384);
  encodeSlot({ generation: 2, stamp: STAMP, files: FILES }).copy(image);
  LOG.copy(image, FILES_OFFSET);
  if (random.chance(0.3)) return mutateBytes(image.subarray(0, SLOT_BYTES * 2), FIELDS, random);
  const { labels, text } = mutateJson(JSON.stringify({ stamp: STAMP, files: FILES }), random);
  const slot = image.subarray(0, SLOT_BYTES);
  const bytes = Buffer.from(text).subarray(0, SLOT_BYTES - SLOT.text);
  slot.fill(0, SLOT.text);
  bytes.copy(slot, SLOT.text);
  slot.writeUInt32LE(bytes.length, SLOT.length);
  slot.writeUInt32LE(crc32(slot.subarray(16)), SLOT.crc);
  return { labels, bytes: image };
}
