/** Searches the kernel's image for bytes, where nothing says where a table is. */
import type { KernelMemory } from '../kernel/memory.ts';

const CHUNK_BYTES = 1 << 20;
/** The image's mapping is 1 GiB at most; text and rodata are in its first part. */
const MOST_IMAGE_BYTES = 256 << 20;

/**
 * The addresses of `wanted` from `start` on; one of them may come twice. Pages that the dump lacks are passed over: the kernel
 * frees those between code and data, and any dump may leave free pages out.
 */
export function* occurrences(memory: KernelMemory, start: bigint, wanted: Uint8Array): Generator<bigint> {
  const chunk = Buffer.alloc(CHUNK_BYTES + wanted.length);
  const { pageSizeBytes } = memory.arch;
  const inPage = Number(start % BigInt(pageSizeBytes));
  for (let done = 0; done < MOST_IMAGE_BYTES; ) {
    const length = memory.readVirtualUpTo(start + BigInt(done), chunk);
    const bytes = chunk.subarray(0, length);
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1))
      yield start + BigInt(done + at);
    const missingPage = Math.floor((inPage + done + length) / pageSizeBytes);
    done = length < chunk.length ? (missingPage + 1) * pageSizeBytes - inPage : done + CHUNK_BYTES;
  }
}

/** As many bytes as the dump holds without a gap. */
export function readHeld(memory: KernelMemory, address: bigint, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  return bytes.subarray(0, memory.readVirtualUpTo(address, bytes));
}

/** A part of the image. */
export interface ImagePart {
  readonly start: bigint;
  readonly end: bigint;
  /** All of it; zeros for pages that the dump lacks. */
  readonly bytes: Buffer;
}

/** All these bytes; zeros for pages that the dump lacks. */
export function readWithGaps(
  memory: Pick<KernelMemory, 'arch' | 'readVirtualUpTo'>,
  address: bigint,
  lengthBytes: number,
): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  const { pageSizeBytes } = memory.arch;
  const inPage = Number(address % BigInt(pageSizeBytes));
  for (let done = 0; done < lengthBytes; ) {
    const held = memory.readVirtualUpTo(address + BigInt(done), bytes.subarray(done));
    done = (Math.floor((inPage + done + held) / pageSizeBytes) + 1) * pageSizeBytes - inPage;
  }
  return bytes;
}

/**
 * The aligned words from `from` up to `to`, each with its offset in the bytes. Most words of the kernel's data are none, and of
 * these no bigint is made.
 */
export function* wordsBetween(
  bytes: Buffer,
  from: bigint,
  to: bigint,
): Generator<{ readonly at: number; readonly word: bigint }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const halves = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / WORD_BYTES) * 2);
  const [low, high] = [Number(from >> 32n), Number(to >> 32n)];
  for (let i = 1; i < halves.length; i += 2) {
    const half = halves[i]!;
    if (half < low || half > high) continue;
    const at = (i - 1) * 4;
    const word = view.getBigUint64(at, true);
    if (word >= from && word < to) yield { at, word };
  }
}

const WORD_BYTES = 8;
