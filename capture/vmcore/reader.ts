/** Reads a vmcore file: mapped where the system can (/proc/vmcore maps since Linux v3.11), by read(2) where it can't. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SystemError } from '../errors.ts';
import type { Libc } from '../ffi/libc.ts';
import type { ByteSource } from './source.ts';

/** Long enough that mapping costs nothing a page, short enough for the page tables of a small capture kernel. */
const WINDOW_BYTES = 16 << 20;
const PAGE_BYTES = 4096;
/** What is mapped from there is memory. From anywhere else it is a disk, whose errors come as SIGBUS. */
const MEMORY_FOLDER = '/proc/';

export interface OpenFile extends ByteSource {
  readonly mapped: boolean;
  close(): void;
}

/**
 * @param libc undefined to read only.
 * @throws SystemError when the file cannot be opened or is empty.
 */
export function openVmcoreFile(path: string, libc: Libc | undefined): OpenFile {
  const { fd, sizeBytes } = openSized(path);
  const readAt = (into: Uint8Array, offset: number) => readFully(path, fd, into, offset);
  const copied = copyingWindows(readAt);
  const mapped = libc && mappedWindows(libc, fd, sizeBytes, path.startsWith(MEMORY_FOLDER));
  const view = mapped ?? copied;
  return {
    name: path,
    sizeBytes,
    mapped: mapped !== undefined,
    maxWindowBytes: WINDOW_BYTES,
    readAt,
    window(offset, lengthBytes) {
      if (lengthBytes > WINDOW_BYTES || offset < 0 || offset + lengthBytes > sizeBytes) {
        throw new RangeError(`no window of ${lengthBytes} bytes at ${offset} in ${path} of ${sizeBytes}`);
      }
      return view(offset, lengthBytes);
    },
    close: () => closeSync(fd),
  };
}

type Windows = (offset: number, lengthBytes: number) => Uint8Array;

function copyingWindows(readAt: ByteSource['readAt']): Windows {
  let buffer = new Uint8Array(0);
  return (offset, lengthBytes) => {
    if (buffer.length < lengthBytes) buffer = new Uint8Array(WINDOW_BYTES);
    const bytes = buffer.subarray(0, lengthBytes);
    const got = readAt(bytes, offset);
    if (got < lengthBytes) bytes.fill(0, got);
    return bytes;
  };
}

/** Undefined where the file cannot be mapped, or not without the danger of SIGBUS, which the first window tells. */
function mappedWindows(libc: Libc, fd: number, sizeBytes: number, isMemory: boolean): Windows | undefined {
  let start = 0;
  let end = 0;
  let window: ReturnType<Libc['openWindow']>;
  const show = (offset: number): void => {
    end = start; // nothing is shown while a failed mapping leaves the window undefined
    const lengthBytes = Math.min(WINDOW_BYTES + PAGE_BYTES, sizeBytes - offset);
    window.show(fd, offset, lengthBytes);
    start = offset;
    end = offset + lengthBytes;
  };
  try {
    window = libc.openWindow(WINDOW_BYTES + PAGE_BYTES);
    show(0);
    if (!isMemory && !window.populate(0, Math.min(PAGE_BYTES, sizeBytes))) return undefined;
  } catch {
    return undefined;
  }
  return (offset, lengthBytes) => {
    if (offset < start || offset + lengthBytes > end) show(offset - (offset % PAGE_BYTES));
    const at = offset - start;
    if (!isMemory) window.populate(at - (at % PAGE_BYTES), lengthBytes + (at % PAGE_BYTES));
    return window.bytes.subarray(at, at + lengthBytes);
  };
}

function openSized(path: string): { fd: number; sizeBytes: number } {
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
  const sizeBytes = fstatSync(fd).size;
  if (sizeBytes > 0) return { fd, sizeBytes };
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
      const facts = { path, offset: offset + got };
      throw new SystemError(
        'READ_FAILED',
        { action: 'read the vmcore', actual: (cause as NodeJS.ErrnoException).code ?? String(cause) },
        facts,
        { cause },
      );
    }
    if (count === 0) break;
    got += count;
  }
  return got;
}
