/** A file in memory for a dump: zeros take no memory, like holes on a disk, and bytes at large offsets are discarded. */
import type { DumpSink } from '../../capture/kdump/sink.ts';

const CHUNK_BYTES = 1 << 16;
/** Larger dumps are not checked by their contents. */
const MOST_BYTES = 64 << 20;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

export class SparseFile implements DumpSink {
  readonly allowsHoles = true;
  readonly #chunks = new Map<number, Buffer>();
  sizeBytes = 0;

  writeAt(bytes: Uint8Array, offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`written at ${offset}`);
    for (let done = 0; done < bytes.length && offset + done < MOST_BYTES; ) {
      const at = offset + done;
      const index = Math.floor(at / CHUNK_BYTES);
      const within = at % CHUNK_BYTES;
      const part = bytes.subarray(done, done + CHUNK_BYTES - within);
      const chunk = this.#chunks.get(index);
      if (chunk) chunk.set(part, within);
      else if (!ZEROS.subarray(0, part.length).equals(part)) {
        const fresh = Buffer.alloc(CHUNK_BYTES);
        fresh.set(part, within);
        this.#chunks.set(index, fresh);
      }
      done += part.length;
    }
    this.sizeBytes = Math.max(this.sizeBytes, offset + bytes.length);
  }

  /** Whether nothing was discarded. */
  get isKept(): boolean {
    return this.sizeBytes <= MOST_BYTES;
  }

  sync(): void {}

  get head(): Buffer {
    return this.#chunks.get(0) ?? ZEROS;
  }

  bytes(): Buffer {
    const whole = Buffer.alloc(this.sizeBytes);
    for (const [index, chunk] of this.#chunks) chunk.copy(whole, index * CHUNK_BYTES);
    return whole;
  }
}
