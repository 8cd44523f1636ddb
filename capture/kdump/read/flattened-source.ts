/**
 * A flattened dump as the file that it stands for, without rearranging it: each read is put together from the stream's
 * records. Of records that overlap the later one counts, as when they are written in turn; what none covers is zeros. A
 * stream that was cut stands for an incomplete dump.
 */
import { DumpFormatError } from '../../errors.ts';
import { readUpTo } from '../../vmcore/elf.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import {
  checkFlattenedHeader,
  decodeRecordHeader,
  FLATTENED_HEADER_BYTES,
  RECORD_HEADER_BYTES,
} from '../format/flattened.ts';
import { HEAD_BYTES, markIncomplete } from '../format/head-marks.ts';

export interface FlattenedSource extends ByteSource {
  /** Whether the stream has records and ends with its end mark; otherwise it was cut or damaged. */
  readonly isWhole: boolean;
}

/** makedumpfile's records have some KiB to MiB, QEMU's a page. */
const MOST_RECORDS = 1 << 25;
const WINDOW_BYTES = 256 << 10;

/** Reads the headers of all records. @throws DumpFormatError for another format, and for an impossible record. */
export function openFlattenedSource(stream: ByteSource): FlattenedSource {
  checkFlattenedHeader(readUpTo(stream, 0, FLATTENED_HEADER_BYTES));
  const { records, isWhole } = readRecords(stream);
  const index = indexOf(records);
  const readRecordsAt = (into: Uint8Array, offset: number): number => {
    const length = Math.max(0, Math.min(into.length, index.sizeBytes - offset));
    const part = into.subarray(0, length).fill(0);
    for (const record of index.within(offset, offset + length)) copyRecord(stream, record, part, offset);
    return length;
  };
  let buffer: Uint8Array | undefined;
  const head = isWhole ? undefined : incompleteHead(readRecordsAt);
  const readAt = (into: Uint8Array, offset: number): number => {
    const length = readRecordsAt(into, offset);
    if (head && offset < head.length) into.set(head.subarray(offset, offset + length));
    return length;
  };
  return {
    name: stream.name,
    sizeBytes: index.sizeBytes,
    isWhole,
    readAt,
    maxWindowBytes: WINDOW_BYTES,
    window(offset, lengthBytes) {
      if (lengthBytes > WINDOW_BYTES || offset < 0 || offset + lengthBytes > index.sizeBytes)
        throw new RangeError(`no window of ${lengthBytes} bytes at ${offset}`);
      // Not an array of its size: a small one may move, and decompressors take its address.
      buffer ??= new Uint8Array(WINDOW_BYTES);
      const bytes = buffer.subarray(0, lengthBytes);
      readAt(bytes, offset);
      return bytes;
    },
  };
}

/**
 * The head of a stream that was cut, as `rearrange` writes it: marked incomplete, and with the signature, which our own
 * writer sends last. Undefined when the stream ends before.
 */
function incompleteHead(readAt: ByteSource['readAt']): Uint8Array | undefined {
  const head = new Uint8Array(HEAD_BYTES);
  if (readAt(head, 0) < HEAD_BYTES) return undefined;
  markIncomplete(head);
  return head;
}

interface FlatRecord {
  /** In the dump. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of its bytes in the stream. */
  readonly position: number;
}

function copyRecord(stream: ByteSource, record: FlatRecord, into: Uint8Array, offset: number): void {
  const start = Math.max(record.offset, offset);
  const end = Math.min(record.offset + record.sizeBytes, offset + into.length);
  stream.readAt(into.subarray(start - offset, end - offset), record.position + (start - record.offset));
}

function readRecords(stream: ByteSource): { records: FlatRecord[]; isWhole: boolean } {
  const records: FlatRecord[] = [];
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  for (let at = FLATTENED_HEADER_BYTES; ; ) {
    if (stream.readAt(header, at) < RECORD_HEADER_BYTES) return { records, isWhole: false };
    const record = decodeRecordHeader(header);
    if (!record) {
      // A lost block of ones looks like an end mark.
      const isLast = at + RECORD_HEADER_BYTES === stream.sizeBytes;
      return { records, isWhole: isLast && records.length > 0 };
    }
    const position = at + RECORD_HEADER_BYTES;
    const sizeBytes = Math.min(record.sizeBytes, stream.sizeBytes - position);
    if (sizeBytes > 0) records.push({ offset: record.offset, sizeBytes, position });
    if (sizeBytes < record.sizeBytes) return { records, isWhole: false };
    if (records.length > MOST_RECORDS)
      throw new DumpFormatError('FLATTENED_RECORDS', {
        action: `read the flattened dump ${stream.name}`,
        actual: `it has more than ${MOST_RECORDS} records`,
      });
    at = position + record.sizeBytes;
  }
}

function indexOf(records: readonly FlatRecord[]) {
  // Positions grow in the order of the stream, so they tell which of two records is the later one.
  const sorted = records.toSorted((a, b) => a.offset - b.offset || a.position - b.position);
  /** The furthest end of all records up to this one: it never shrinks, so it can be searched. */
  const ends = new Float64Array(sorted.length);
  let sizeBytes = 0;
  for (const [i, record] of sorted.entries()) {
    sizeBytes = Math.max(sizeBytes, record.offset + record.sizeBytes);
    ends[i] = sizeBytes;
  }
  return {
    sizeBytes,
    /** Those with bytes in the range, in the order of the stream. */
    within(start: number, end: number): FlatRecord[] {
      const found: FlatRecord[] = [];
      for (let i = firstAbove(ends, start); i < sorted.length && sorted[i]!.offset < end; i++)
        if (sorted[i]!.offset + sorted[i]!.sizeBytes > start) found.push(sorted[i]!);
      return found.sort((a, b) => a.position - b.position);
    },
  };
}

function firstAbove(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
