/** Reads a dump-capture initrd. */
import { inflateRawSync } from 'node:zlib';

const CPIO_MAGIC = '070701';
const CPIO_HEADER_BYTES = 110;
const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** A record of an archive. */
export interface ArchiveRecord {
  readonly name: string;
  readonly mode: number;
  readonly bodyAt: number;
  readonly bodyBytes: number;
}

/** Its archives, uncompressed, in their order. */
export function archivesOf(image: Buffer): readonly Buffer[] {
  if (image.length === 0) return [];
  if (image[0] === 0) return archivesOf(image.subarray(image.findIndex(byte => byte !== 0)));
  if (image.toString('latin1', 0, CPIO_MAGIC.length) === CPIO_MAGIC) {
    const { bodyAt } = recordsOf(image).at(-1)!;
    return [image.subarray(0, bodyAt), ...archivesOf(image.subarray(bodyAt))];
  }
  const options = { info: true } as const;
  const { buffer, engine } = inflateRawSync(image.subarray(GZIP_HEADER_BYTES), options) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  const end = GZIP_HEADER_BYTES + engine.bytesWritten + GZIP_TRAILER_BYTES;
  return [buffer, ...archivesOf(image.subarray(end + ((4 - (end % 4)) % 4)))];
}

/** Of an archive, up to its trailer. */
export function recordsOf(archive: Buffer): readonly ArchiveRecord[] {
  const records: ArchiveRecord[] = [];
  for (let at = 0; records.at(-1)?.name !== 'TRAILER!!!'; ) {
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const nameEnd = at + CPIO_HEADER_BYTES + field(11);
    const name = archive.toString('latin1', at + CPIO_HEADER_BYTES, nameEnd - 1);
    const bodyAt = Math.ceil(nameEnd / 4) * 4;
    records.push({ name, mode: field(1), bodyAt, bodyBytes: field(6) });
    at = Math.ceil((bodyAt + field(6)) / 4) * 4;
  }
  return records;
}
