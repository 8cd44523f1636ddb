/** An x86 bzImage: its release, and the configuration that it may hold (Linux Documentation/arch/x86/boot.rst, kernel/configs.c). */
import { spawnSync } from 'node:child_process';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Failure } from '../../capture/errors.ts';

const SECTOR_BYTES = 512;
const HEADER = {
  sectors: 0x1f1,
  magic: 0x202,
  version: 0x20e,
  payload: 0x248,
  payloadBytes: 0x24c,
  end: 0x250,
};

/** @throws Failure NO_BZIMAGE @param path for the message */
export function releaseOf(image: Buffer, path: string): string {
  checkMagic(image, path);
  const at = SECTOR_BYTES + image.readUInt16LE(HEADER.version);
  const text = image.toString('latin1', at, image.indexOf(0, at));
  return text.split(' ')[0];
}

/** The text of its .config where the kernel was built with CONFIG_IKCONFIG. */
export function embeddedConfig(image: Buffer): string | undefined {
  const kernel = decompressed(image);
  if (!kernel) return undefined;
  const begin = kernel.indexOf('IKCFG_ST');
  if (begin < 0) return undefined;
  const end = kernel.indexOf('IKCFG_ED', begin);
  return gunzipSync(kernel.subarray(begin + 'IKCFG_ST'.length, end)).toString();
}

function checkMagic(image: Buffer, path: string): void {
  const isBzImage =
    image.length > HEADER.end && image.toString('latin1', HEADER.magic, HEADER.magic + 4) === 'HdrS';
  if (isBzImage) return;
  throw new Failure('NO_BZIMAGE', {
    action: `boot ${path}`,
    actual: image.toString('latin1', 1, 4) === 'ELF' ? 'it is an ELF file' : 'it has no boot header',
    wanted: 'a bzImage (arch/x86/boot/bzImage of a kernel build directory)',
  });
}

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

/** The ELF file within; undefined where nothing here can decompress it. */
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
