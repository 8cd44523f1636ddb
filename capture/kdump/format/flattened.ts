/**
 * The flattened format: a dump as a stream of records, each with an offset and its bytes, for a pipe (makedumpfile(8),
 * options -F and -R; makedumpfile.h: makedumpfile_header, makedumpfile_data_header). Big endian on every machine.
 */
import { DumpFormatError } from '../../errors.ts';
import type { DumpSink } from '../sink.ts';
import { HEAD_BYTES, headMarks, markedRanges } from './head-marks.ts';

export const FLATTENED_SIGNATURE = 'makedumpfile';
/** MAX_SIZE_MDF_HEADER: the header and its padding. */
export const FLATTENED_HEADER_BYTES = 4096;
/** makedumpfile_data_header */
export const RECORD_HEADER_BYTES = 16;
const TYPE_FLAT_HEADER = 1n;
const VERSION_FLAT_HEADER = 1n;
const END_FLAG_FLAT_HEADER = -1n;

/** Takes all of `bytes`; the caller may reuse the array afterwards. */
export type Append = (bytes: Uint8Array) => void;

export interface FlattenedSink extends DumpSink {
  /** Ends the stream. Readers treat a stream without its end mark as cut. */
  end(): void;
}

/**
 * Turns writes into records. No byte is sent twice: crash reads the stream without rearranging it and cannot know which of
 * two records is valid. The writer rewrites the head of a complete dump, so the signature and the flags are held back and
 * sent last. A stream that is cut then rearranges into a file that no reader accepts as a dump.
 */
export function openFlattenedSink(append: Append): FlattenedSink {
  append(encodeFlattenedHeader());
  let head: Uint8Array | undefined;
  const send = (bytes: Uint8Array, offset: number): void => {
    if (bytes.length === 0) return; // a record of no bytes ends the stream for makedumpfile
    append(encodeRecordHeader(BigInt(offset), BigInt(bytes.length)));
    append(bytes);
  };
  return {
    writeAt(bytes, offset) {
      if (offset >= HEAD_BYTES) send(bytes, offset);
      else if (head) head.set(bytes.subarray(0, head.length - offset), offset);
      else {
        head = firstHead(bytes, offset);
        for (const [start, end] of unmarkedRanges(head)) send(head.subarray(start, end), start);
        send(bytes.subarray(head.length), head.length);
      }
    },
    sync() {},
    end() {
      if (head) {
        for (const [start, end] of markedRanges(headMarks(head)).toReversed()) {
          send(head.subarray(start, end), start);
        }
      }
      append(encodeRecordHeader(END_FLAG_FLAT_HEADER, END_FLAG_FLAT_HEADER));
    },
  };
}

/** Whether a file begins as a flattened dump does. */
export function isFlattened(bytes: Uint8Array): boolean {
  return (
    Buffer.from(bytes.subarray(0, FLATTENED_SIGNATURE.length)).toString('latin1') === FLATTENED_SIGNATURE
  );
}

/** @throws DumpFormatError */
export function checkFlattenedHeader(bytes: Uint8Array): void {
  const type = bytes.length < 32 ? undefined : Buffer.from(bytes).readBigInt64BE(16);
  if (isFlattened(bytes) && type === TYPE_FLAT_HEADER) return;
  throw new DumpFormatError('FLATTENED_HEADER', {
    action: 'rearrange a flattened dump',
    actual: isFlattened(bytes) ? `its type is ${type}` : 'the input has another signature',
    wanted: `the signature "${FLATTENED_SIGNATURE}" and type ${TYPE_FLAT_HEADER}`,
  });
}

/** Undefined at the end of the stream. @throws DumpFormatError for an impossible record. */
export function decodeRecordHeader(bytes: Buffer): { offset: number; sizeBytes: number } | undefined {
  const offset = bytes.readBigInt64BE(0);
  const sizeBytes = bytes.readBigInt64BE(8);
  if (offset === END_FLAG_FLAT_HEADER && sizeBytes === END_FLAG_FLAT_HEADER) return undefined;
  const end = offset + sizeBytes;
  if (offset >= 0n && sizeBytes > 0n && end <= BigInt(Number.MAX_SAFE_INTEGER)) {
    return { offset: Number(offset), sizeBytes: Number(sizeBytes) };
  }
  throw new DumpFormatError('FLATTENED_RECORD', {
    action: 'rearrange a flattened dump',
    actual: `a record has ${sizeBytes} bytes for offset ${offset}`,
    wanted: 'at least one byte, and an end below 2^53',
  });
}

export function encodeFlattenedHeader(): Uint8Array {
  const bytes = Buffer.alloc(FLATTENED_HEADER_BYTES);
  bytes.write(FLATTENED_SIGNATURE, 'latin1');
  bytes.writeBigInt64BE(TYPE_FLAT_HEADER, 16);
  bytes.writeBigInt64BE(VERSION_FLAT_HEADER, 24);
  return bytes;
}

export function encodeRecordHeader(offset: bigint, sizeBytes: bigint): Uint8Array {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES);
  bytes.writeBigInt64BE(offset, 0);
  bytes.writeBigInt64BE(sizeBytes, 8);
  return bytes;
}

/** The first write must contain the whole head, which decides what is held back. */
function firstHead(bytes: Uint8Array, offset: number): Uint8Array {
  if (offset === 0 && bytes.length >= HEAD_BYTES) return bytes.slice(0, HEAD_BYTES);
  throw new RangeError(`the first write has ${bytes.length} bytes at ${offset} and not the head of a dump`);
}

function unmarkedRanges(head: Uint8Array): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let from = 0;
  for (const [start, end] of markedRanges(headMarks(head))) {
    if (from < start) ranges.push([from, start]);
    from = end;
  }
  return [...ranges, [from, head.length]];
}
