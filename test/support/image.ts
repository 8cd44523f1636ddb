/** Reads a dump-capture initrd. */
import { inflateRawSync } from 'node:zlib';

const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** Its two archives, uncompressed. */
export function archivesOf(image: Buffer): readonly [Buffer, Buffer] {
  const options = { info: true } as const;
  const { buffer, engine } = inflateRawSync(image.subarray(GZIP_HEADER_BYTES), options) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  const end = GZIP_HEADER_BYTES + engine.bytesWritten + GZIP_TRAILER_BYTES;
  return [buffer, image.subarray(end + ((4 - (end % 4)) % 4))];
}
