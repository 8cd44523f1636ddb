/**
 * Kernel images of arm64: what their header says, and the plain image within a compressed one (Linux
 * Documentation/arch/arm64/booting.rst; drivers/firmware/efi/libstub/zboot-header.S; include/linux/pe.h).
 */
import type { Buffer } from 'node:buffer';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Failure } from '../../../../capture/errors.ts';

const HEADER_BYTES = 64;
const MAGIC = 'ARM\x64';
const MAGIC_AT = 56;
const GZIP = 0x1f8b;
/** The largest that is unpacked: ten times Debian's. */
const MOST_BYTES = 512 << 20;

export interface KernelImage {
  /** What is copied to memory. */
  readonly bytes: Buffer;
  /** From an address that is a multiple of 2 MiB to the image. */
  readonly textOffset: number;
  /** The memory that the image takes, with its bss. */
  readonly memoryBytes: number;
}

const DECOMPRESSORS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: bytes => gunzipSync(bytes, { maxOutputLength: MOST_BYTES }),
  zstd: bytes => zstdDecompressSync(bytes, { maxOutputLength: MOST_BYTES }),
};

/** @throws Failure for a file that is not an image of arm64, or in a form that is not supported. */
export function openKernelImage(file: Buffer): KernelImage {
  const bytes = plainImage(file);
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', MAGIC_AT, MAGIC_AT + 4) !== MAGIC)
    throw unsupported('it has no header of an arm64 image');
  const memoryBytes = Number(bytes.readBigUInt64LE(16));
  // Before Linux v3.17, and its text_offset is not to be trusted.
  if (memoryBytes === 0) throw unsupported('it does not say how much memory it takes');
  const isBigEndian = (bytes.readBigUInt64LE(24) & 1n) === 1n;
  if (isBigEndian) throw unsupported('it is big-endian');
  return {
    bytes,
    textOffset: Number(bytes.readBigUInt64LE(8)),
    memoryBytes: Math.max(memoryBytes, bytes.length),
  };
}

function plainImage(file: Buffer): Buffer {
  if (file.length > 2 && file.readUInt16BE(0) === GZIP) return unpack('gzip', file);
  if (file.length < HEADER_BYTES || file.toString('latin1', 0, 2) !== 'MZ') return file;
  if (file.toString('latin1', 4, 8) !== 'zimg') return file;
  const [at, sizeBytes] = [file.readUInt32LE(8), file.readUInt32LE(12)];
  const [kind] = file.toString('latin1', 24, 56).split('\0');
  if (at + sizeBytes > file.length) throw unsupported('its compressed part ends after the file');
  return unpack(kind!, file.subarray(at, at + sizeBytes));
}

function unpack(kind: string, bytes: Buffer): Buffer {
  const decompress = DECOMPRESSORS[kind];
  if (!decompress) throw unsupported(`it is compressed with ${kind}`);
  try {
    return decompress(bytes);
  } catch (cause) {
    throw unsupported(`its ${kind} data are damaged`, cause);
  }
}

function unsupported(actual: string, cause?: unknown): Failure {
  const what = {
    action: 'load the crash kernel by kexec_load',
    actual: `the kernel image cannot be used: ${actual}`,
    wanted: 'an Image of arm64, plain, or compressed with gzip or zstd',
  };
  return new Failure('KERNEL_IMAGE', what, {}, { cause });
}
