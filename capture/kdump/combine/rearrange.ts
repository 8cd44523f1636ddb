/** Turns a flattened dump into a file (makedumpfile -R). */
import { DumpFormatError } from '../../errors.ts';
import {
  checkFlattenedHeader,
  decodeRecordHeader,
  FLATTENED_HEADER_BYTES,
  RECORD_HEADER_BYTES,
} from '../format/flattened.ts';
import { HEAD_BYTES, isMarkedIncomplete, markIncomplete } from '../format/head-marks.ts';
import type { DumpSink } from '../sink.ts';

export interface Rearranged {
  /** The size of the file. */
  readonly sizeBytes: number;
  /** The dump in the stream is marked incomplete. */
  readonly isIncomplete: boolean;
}

/** Takes the stream in pieces of any size, then `undefined`. */
export type Rearranger = Generator<void, Rearranged, Uint8Array | undefined>;

/**
 * Call `next()` once before the first piece. The head of the file is written last. If the stream is cut or damaged, the
 * head is written as that of an incomplete dump, and the error is thrown.
 * @throws DumpFormatError, and what the sink throws.
 */
export function* rearrange(sink: DumpSink): Rearranger {
  const stream = new Stream();
  checkFlattenedHeader(yield* stream.take(FLATTENED_HEADER_BYTES));
  const head = new Head();
  let fileBytes = 0;
  try {
    for (;;) {
      const header = yield* stream.take(RECORD_HEADER_BYTES);
      if (header.length < RECORD_HEADER_BYTES) throw cut('it has no end mark');
      const record = decodeRecordHeader(header);
      if (!record) {
        // A lost block of ones looks like an end mark.
        if (fileBytes === 0) throw cut('it has no records');
        if ((yield* stream.some(1)).length > 0) throw cut('its end mark is not at its end');
        break;
      }
      const end = record.offset + record.sizeBytes;
      for (let at = record.offset; at < end; ) {
        const bytes = yield* stream.some(end - at);
        if (bytes.length === 0) throw cut(`its last record lacks ${end - at} bytes`);
        head.write(bytes, at, sink);
        at += bytes.length;
        fileBytes = Math.max(fileBytes, at);
      }
    }
  } catch (error) {
    head.finish(sink, 'incomplete');
    throw error;
  }
  head.finish(sink, 'complete');
  return { sizeBytes: fileBytes, isIncomplete: head.isMarkedIncomplete };
}

/** The bytes of the pieces, one after the other. */
class Stream {
  #piece: Uint8Array | undefined = new Uint8Array();

  /** Between one and `mostBytes` bytes; none at the end of the stream. */
  *some(mostBytes: number): Generator<void, Uint8Array, Uint8Array | undefined> {
    while (this.#piece?.length === 0) this.#piece = yield;
    const bytes = this.#piece?.subarray(0, mostBytes) ?? new Uint8Array();
    this.#piece = this.#piece?.subarray(bytes.length);
    return bytes;
  }

  /** `sizeBytes` bytes, fewer only at the end of the stream. */
  *take(sizeBytes: number): Generator<void, Buffer, Uint8Array | undefined> {
    const taken = Buffer.alloc(sizeBytes);
    let done = 0;
    while (done < sizeBytes) {
      const bytes = yield* this.some(sizeBytes - done);
      if (bytes.length === 0) break;
      taken.set(bytes, done);
      done += bytes.length;
    }
    return taken.subarray(0, done);
  }
}

/** Holds the head of the file back until the rest is written. */
class Head {
  readonly #bytes = new Uint8Array(HEAD_BYTES);
  #heldBytes = 0;

  write(bytes: Uint8Array, offset: number, sink: DumpSink): void {
    const headBytes = Math.max(0, Math.min(bytes.length, HEAD_BYTES - offset));
    if (headBytes > 0) {
      this.#bytes.set(bytes.subarray(0, headBytes), offset);
      this.#heldBytes = Math.max(this.#heldBytes, offset + headBytes);
    }
    if (headBytes < bytes.length) sink.writeAt(bytes.subarray(headBytes), offset + headBytes);
  }

  get isMarkedIncomplete(): boolean {
    return isMarkedIncomplete(this.#bytes.subarray(0, this.#heldBytes));
  }

  finish(sink: DumpSink, state: 'complete' | 'incomplete'): void {
    // A part of a head would not make the file a dump.
    if (state === 'incomplete' && this.#heldBytes < HEAD_BYTES) return;
    if (state === 'incomplete') markIncomplete(this.#bytes);
    if (this.#heldBytes > 0) sink.writeAt(this.#bytes.subarray(0, this.#heldBytes), 0);
  }
}

function cut(actual: string): DumpFormatError {
  return new DumpFormatError('FLATTENED_CUT', {
    action: 'rearrange a flattened dump',
    actual,
    wanted: 'the whole stream',
  });
}
