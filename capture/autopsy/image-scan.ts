/** Searches the kernel's image for bytes, where nothing says where a table is. */
import type { KernelMemory } from '../kernel/memory.ts';

const CHUNK_BYTES = 1 << 20;
/** The image's mapping is 1 GiB at most; text and rodata are in its first part. */
const MOST_IMAGE_BYTES = 256 << 20;

/** The addresses of `wanted` from `start` on; one of them may come twice. */
export function* occurrences(memory: KernelMemory, start: bigint, wanted: Uint8Array): Generator<bigint> {
  const chunk = Buffer.alloc(CHUNK_BYTES + wanted.length);
  for (let done = 0; done < MOST_IMAGE_BYTES; done += CHUNK_BYTES) {
    const length = memory.readVirtualUpTo(start + BigInt(done), chunk);
    const bytes = chunk.subarray(0, length);
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1))
      yield start + BigInt(done + at);
  }
}

/** As many bytes as the dump holds without a gap. */
export function readHeld(memory: KernelMemory, address: bigint, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  return bytes.subarray(0, memory.readVirtualUpTo(address, bytes));
}
