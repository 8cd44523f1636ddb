/** Collects consecutive bytes into large writes. */
import type { DumpSink } from '../kdump/sink.ts';

const CHUNK_BYTES = 2 << 20;

export class SequentialWriter {
  readonly #sink: DumpSink;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #chunkBytes = 0;
  #written = 0;

  constructor(sink: DumpSink) {
    this.#sink = sink;
  }

  /** The offset of the next byte. */
  get offset(): number {
    return this.#written + this.#chunkBytes;
  }

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + CHUNK_BYTES - this.#chunkBytes);
      this.#chunk.set(part, this.#chunkBytes);
      this.#chunkBytes += part.length;
      done += part.length;
      if (this.#chunkBytes === CHUNK_BYTES) this.flush();
    }
  }

  flush(): void {
    if (this.#chunkBytes === 0) return;
    this.#sink.writeAt(this.#chunk.subarray(0, this.#chunkBytes), this.#written);
    this.#written += this.#chunkBytes;
    this.#chunkBytes = 0;
  }
}
