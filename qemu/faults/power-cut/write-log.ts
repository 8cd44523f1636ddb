/**
 * The log of a disk's writes and flushes by QEMU's blklogwrites driver. It has the format of the kernel's dm-log-writes
 * (Linux Documentation/admin-guide/device-mapper/log-writes.rst, drivers/md/dm-log-writes.c): a super block, then entries,
 * each in its own sector and followed by its data.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SystemError } from '../../../capture/errors.ts';

const MAGIC = 0x6a736677736872n;
const FLUSH_FLAG = 1;
const FUA_FLAG = 2;
const DISCARD_FLAG = 4;
const ENTRY_BYTES = 32;

export interface LogEntry {
  /** Byte offset on the disk. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** A flush: all writes before it are on the medium. */
  readonly isFlush: boolean;
  /** A forced write: it is on the medium when it completes. */
  readonly isFua: boolean;
  /** Offset of its data in the log; undefined for an entry without data. */
  readonly dataOffset: number | undefined;
}

export interface WriteLog {
  readonly path: string;
  readonly sectorBytes: number;
  readonly entries: readonly LogEntry[];
}

/** @throws SystemError WRITE_LOG for a file that is not such a log. */
export function readWriteLog(path: string): WriteLog {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const read = (offset: number, lengthBytes: number): DataView => {
      const bytes = new Uint8Array(lengthBytes);
      readSync(fd, bytes, 0, lengthBytes, offset);
      return new DataView(bytes.buffer);
    };
    const head = read(0, ENTRY_BYTES);
    const sectorBytes = head.getUint32(24, true);
    if (head.getBigUint64(0, true) !== MAGIC || sectorBytes < 512 || sectorBytes > 4096) {
      throw new SystemError('WRITE_LOG', {
        action: `read the write log ${path}`,
        actual: `it begins with 0x${head.getBigUint64(0, true).toString(16)}, sectors of ${sectorBytes}`,
        wanted: 'a log of blklogwrites',
      });
    }
    const entries: LogEntry[] = [];
    const count = Number(head.getBigUint64(16, true));
    for (let at = sectorBytes; entries.length < count && at + ENTRY_BYTES <= size; ) {
      const entry = read(at, ENTRY_BYTES);
      const sizeBytes = Number(entry.getBigUint64(8, true)) * sectorBytes;
      const flags = Number(entry.getBigUint64(16, true));
      const hasData = (flags & DISCARD_FLAG) === 0 && sizeBytes > 0;
      at += sectorBytes;
      entries.push({
        offset: Number(entry.getBigUint64(0, true)) * sectorBytes,
        sizeBytes,
        isFlush: (flags & FLUSH_FLAG) !== 0,
        isFua: (flags & FUA_FLAG) !== 0,
        dataOffset: hasData ? at : undefined,
      });
      if (hasData) at += sizeBytes;
    }
    return { path, sectorBytes, entries };
  } finally {
    closeSync(fd);
  }
}
