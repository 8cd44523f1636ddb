/** The capture kernel's own log, read from /dev/kmsg (Linux Documentation/ABI/testing/dev-kmsg). */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { formatLine, type LogLine } from '../log.ts';

/** Each read(2) returns one record, which is never longer than this. */
const RECORD_BYTES = 8192;
const MOST_RECORDS = 100_000;

/** This program's lines and the kernel's in one text, ordered by time, as on the serial console. */
export function mergeLogs(kernel: readonly LogLine[], ours: readonly LogLine[]): string {
  const all = [...kernel, ...ours].sort((a, b) => a.uptimeSeconds - b.uptimeSeconds);
  return all.map(line => `${formatLine(line)}\n`).join('');
}

/** Every record that the ring buffer still holds. @throws when /dev/kmsg cannot be opened. */
export function readKernelLog(): LogLine[] {
  const fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(RECORD_BYTES);
  const lines: LogLine[] = [];
  try {
    for (let records = 0; records < MOST_RECORDS; records++) {
      const length = readRecord(fd, buffer);
      if (length === undefined) break;
      const line = decodeKmsgRecord(buffer.toString('utf8', 0, length));
      if (line) lines.push(line);
    }
  } finally {
    closeSync(fd);
  }
  return lines;
}

/** `level,seq,microseconds,flags[,…];text`, followed by lines of properties that begin with a space. */
export function decodeKmsgRecord(record: string): LogLine | undefined {
  const match = /^\d+,\d+,(\d+),[^;]*;([^\n]*)/.exec(record);
  return match ? { uptimeSeconds: Number(match[1]) / 1e6, text: match[2] } : undefined;
}

/** Undefined at the end. 0 where the ring buffer overtook the reader (EPIPE); the next read continues behind the gap. */
function readRecord(fd: number, buffer: Uint8Array): number | undefined {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : undefined;
  }
}
