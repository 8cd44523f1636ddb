/**
 * Reads a vmcore file: /proc/vmcore by mappings where that works (since Linux v3.11), everything else by read(2). A mapped
 * file on a failing disk, or one that is truncated meanwhile, would kill the program by SIGBUS; and copying pages that are
 * compressed next costs less than page faults.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { describeError, SystemError } from '../errors.ts';
import type { Libc, MappedWindow } from '../ffi/libc.ts';
import { Holes } from './holes.ts';
import { type FileRange, MAPPING_BYTES, MappableRanges } from './mappable.ts';
import type { ByteSource } from './source.ts';

/** Short enough that its bytes are still in the processor's cache when they are compressed. */
const COPIED_BYTES = 256 << 10;
/** Of memory, which may be mapped. Not more, because without a mapping it is copied. */
const MEMORY_WINDOW_BYTES = 4 << 20;
/** Files in here are memory. */
const MEMORY_FOLDER = '/proc/';

export interface OpenFile extends ByteSource {
  /** Whether windows are mappings where they can be. */
  readonly mapped: boolean;
  close(): void;
}

/**
 * @param libc undefined to map nothing.
 * @param onDegraded is called once, when mapping fails: everything is read from then on.
 * @throws SystemError when the file cannot be opened or is empty.
 */
export function openVmcoreFile(
  path: string,
  libc: Libc | undefined,
  onDegraded: (warning: string) => void = () => {},
): OpenFile {
  const { fd, sizeBytes, isSparse } = openSized(path);
  const isMemory = path.startsWith(MEMORY_FOLDER);
  /** A caller may still use the size from before a mapping failed. */
  const limitBytes = isMemory ? MEMORY_WINDOW_BYTES : COPIED_BYTES;
  const readAt = (into: Uint8Array, offset: number) => readFully(path, fd, into, offset);
  const copy = copyingWindows(path, readAt);
  // /proc/vmcore has no blocks either, and no holes.
  const holes = libc && isSparse && !isMemory ? new Holes(offset => libc.nextData(fd, offset)) : undefined;
  let mapping: Mapping | undefined;

  /** Undefined when the bytes cannot be mapped; after a failure nothing is mapped any more. */
  const map = (offset: number, lengthBytes: number): Uint8Array | undefined => {
    try {
      return mapping?.show(offset, lengthBytes);
    } catch (error) {
      mapping = undefined;
      onDegraded(`${path} is read and no longer mapped: ${describeError(error)}`);
      return undefined;
    }
  };
  return {
    name: path,
    sizeBytes,
    readAt,
    get maxWindowBytes() {
      return mapping ? MEMORY_WINDOW_BYTES : COPIED_BYTES;
    },
    get mapped() {
      return mapping !== undefined;
    },
    window(offset, lengthBytes) {
      if (lengthBytes > limitBytes || offset < 0 || offset + lengthBytes > sizeBytes) {
        throw new RangeError(`no window of ${lengthBytes} bytes at ${offset} in ${path} of ${sizeBytes}`);
      }
      return map(offset, lengthBytes) ?? copy(offset, lengthBytes);
    },
    unusedPages(offset, lengthBytes) {
      if (!isMemory) return 'cheap';
      return mapping?.canShow(offset, lengthBytes) ? 'free' : 'harmful';
    },
    zeroBytes: (offset, lengthBytes) => holes?.bytesAt(offset, lengthBytes) ?? 0,
    allowMapping(loads, pageSizeBytes) {
      const ranges = new MappableRanges(loads, pageSizeBytes);
      const { probe } = ranges;
      if (!libc || !isMemory || !probe) return;
      try {
        mapping = new Mapping(libc.openWindow(MAPPING_BYTES), fd, ranges);
      } catch (error) {
        onDegraded(`${path} is read and not mapped: ${describeError(error)}`);
      }
      map(probe.start, probe.end - probe.start);
    },
    close: () => closeSync(fd),
  };
}

/** Shows one part of a file at a time. */
class Mapping {
  readonly #window: MappedWindow;
  readonly #fd: number;
  readonly #ranges: MappableRanges;
  #shown: FileRange = { start: 0, end: 0 };

  constructor(window: MappedWindow, fd: number, ranges: MappableRanges) {
    this.#window = window;
    this.#fd = fd;
    this.#ranges = ranges;
  }

  canShow(offset: number, lengthBytes: number): boolean {
    return this.#ranges.mappingOf(offset, lengthBytes) !== undefined;
  }

  /** Undefined for bytes that are not within one range. @throws SystemError when they cannot be mapped. */
  show(offset: number, lengthBytes: number): Uint8Array | undefined {
    if (offset < this.#shown.start || offset + lengthBytes > this.#shown.end) {
      const next = this.#ranges.mappingOf(offset, lengthBytes);
      if (!next) return undefined;
      this.#window.show(this.#fd, next.start, next.end - next.start);
      this.#shown = next;
    }
    const at = offset - this.#shown.start;
    return this.#window.bytes.subarray(at, at + lengthBytes);
  }
}

/** The buffer grows to the longest window that was asked for. */
function copyingWindows(
  path: string,
  readAt: ByteSource['readAt'],
): (offset: number, lengthBytes: number) => Uint8Array {
  let buffer = new Uint8Array(0);
  return (offset, lengthBytes) => {
    if (buffer.length < lengthBytes) buffer = new Uint8Array(Math.max(lengthBytes, COPIED_BYTES));
    const bytes = buffer.subarray(0, lengthBytes);
    const got = readAt(bytes, offset);
    if (got === lengthBytes) return bytes;
    throw new SystemError('SHORTENED', {
      action: `read ${lengthBytes} bytes at ${offset} of ${path}`,
      actual: `there are ${got}`,
      wanted: 'a file that is not truncated while it is read',
    });
  };
}

/** `st_blocks` counts these, whatever the file system. */
const STAT_BLOCK_BYTES = 512;

function openSized(path: string): { fd: number; sizeBytes: number; isSparse: boolean } {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw new SystemError(
      'OPEN_FAILED',
      { action: `open ${path}`, actual: (cause as Error).message },
      {},
      { cause },
    );
  }
  const stat = fstatSync(fd);
  const sizeBytes = stat.size;
  const isSparse = stat.isFile() && stat.blocks * STAT_BLOCK_BYTES < sizeBytes;
  if (sizeBytes > 0) return { fd, sizeBytes, isSparse };
  closeSync(fd);
  throw new SystemError('EMPTY', { action: `read ${path}`, actual: 'it is empty', wanted: 'an ELF core' });
}

function readFully(path: string, fd: number, into: Uint8Array, offset: number): number {
  let got = 0;
  while (got < into.length) {
    let count: number;
    try {
      count = readSync(fd, into, got, into.length - got, offset + got);
    } catch (cause) {
      throw new SystemError(
        'READ_FAILED',
        { action: 'read the vmcore', actual: (cause as NodeJS.ErrnoException).code ?? String(cause) },
        { path, offset: offset + got },
        { cause },
      );
    }
    if (count === 0) break;
    got += count;
  }
  return got;
}
