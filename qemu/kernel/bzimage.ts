/** An x86 bzImage: its release, and the kernel that it unpacks (Linux Documentation/arch/x86/boot.rst). */
import { spawnSync } from 'node:child_process';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { ImageFormat } from './image-format.ts';

const SECTOR_BYTES = 512;
const HEADER = {
  sectors: 0x1f1,
  magic: 0x202,
  version: 0x20e,
  payload: 0x248,
  payloadBytes: 0x24c,
  end: 0x250,
};

export const bzImage: ImageFormat = {
  name: 'a bzImage',
  built: 'arch/x86/boot/bzImage',
  is: bytes =>
    bytes.length > HEADER.end && bytes.toString('latin1', HEADER.magic, HEADER.magic + 4) === 'HdrS',
  release(bytes) {
    const at = SECTOR_BYTES + bytes.readUInt16LE(HEADER.version);
    const end = bytes.indexOf(0, at);
    return end < 0 ? undefined : bytes.toString('latin1', at, end).split(' ')[0] || undefined;
  },
  unpack: decompressed,
};

interface Compression {
  readonly magic: string;
  readonly decompress: (bytes: Buffer) => Buffer;
}

const byCommand =
  (command: string, ...args: string[]) =>
  (bytes: Buffer) =>
    spawnSync(command, args, { input: bytes, maxBuffer: 1 << 30 }).stdout ?? Buffer.alloc(0);

/** By the payload's first bytes, hexadecimal (Linux scripts/extract-vmlinux). */
const COMPRESSIONS: readonly Compression[] = [
  { magic: '1f8b', decompress: gunzipSync },
  { magic: '28b52ffd', decompress: zstdDecompressSync },
  { magic: 'fd377a585a00', decompress: byCommand('xz', '-dcq') },
  { magic: '5d0000', decompress: byCommand('xz', '-dcq', '--format=lzma') },
  { magic: '425a68', decompress: byCommand('bzip2', '-dcq') },
  { magic: '02214c18', decompress: byCommand('lz4', '-dcq') },
];

/** The ELF file within. */
function decompressed(image: Buffer): Buffer | undefined {
  const sectors = image[HEADER.sectors] || 4;
  const at = (sectors + 1) * SECTOR_BYTES + image.readUInt32LE(HEADER.payload);
  const payload = image.subarray(at, at + image.readUInt32LE(HEADER.payloadBytes));
  const compression = COMPRESSIONS.find(
    ({ magic }) => payload.toString('hex', 0, magic.length / 2) === magic,
  );
  if (!compression) return undefined;
  // The build appends the size as four bytes, except to gzip's own, which ends with it.
  const isGzip = compression.magic === '1f8b';
  try {
    return compression.decompress(isGzip ? payload : payload.subarray(0, -4));
  } catch {
    return undefined;
  }
}
