/**
 * Reads a vmcore file: /proc/vmcore mapped where the system can (since Linux v3.11), any other by read(2). What is mapped of
 * a disk that fails, or of a file that gets shorter, ends the program by SIGBUS; and to copy pages that the codec looks at
 * next costs less than the page faults.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SystemError } from '../errors.ts';
import type { Libc } from '../ffi/libc.ts';
import type { ByteSource } from './source.ts';

/** Long enough that mapping costs nothing a page, short enough for the page tables of a small capture kernel. */
const MAPPED_BYTES = 16 << 20;
/** Short enough that its bytes are still in the processor's cache when they are compressed. */
const COPIED_BYTES = 256 << 10;
const PAGE_BYTES = 4096;
/** What is there is memory. */
const MEMORY_FOLDER = '/proc/';

export interface OpenFile extends ByteSource {
  readonly mapped: boolean;
  close(): void;
}

/**
 * @param libc undefined to map nothing.
 * @throws SystemError when the file cannot be opened or is empty.
 */
export function openVmcoreFile(path: string, libc: Libc | undefined): OpenFile {
  const { fd, sizeBytes } = openSized(path);
  const readAt = (into: Uint8Array, offset: number) => readFully(path, fd, into, offset);
  const mapped = libc && path.startsWith(MEMORY_FOLDER) ? mappedWindows(libc, fd, sizeBytes) : undefined;
  const view = mapped ?? copyingWindows(path, readAt);
  const maxWindowBytes = mapped ? MAPPED_BYTES : COPIED_BYTES;
  return {
    name: path,
    sizeBytes,
    mapped: mapped !== undefined,
    maxWindowBytes,
    readAt,
    window(offset, lengthBytes) {
      if (lengthBytes > maxWindowBytes || offset < 0 || offset + lengthBytes > sizeBytes) {
        throw new RangeError(`no window of ${lengthBytes} bytes at ${offset} in ${path} of ${sizeBytes}`);
      }
      return view(offset, lengthBytes);
    },
    close: () => closeSync(fd),
  };
}

type Windows = (offset: number, lengthBytes: number) => Uint8Array;

function copyingWindows(path: string, readAt: ByteSource['readAt']): Windows {
  const buffer = new Uint8Array(COPIED_BYTES);
  return (offset, lengthBytes) => {
    const bytes = buffer.subarray(0, lengthBytes);
    const got = readAt(bytes, offset);
    if (got === lengthBytes) return bytes;
    throw new SystemError('SHORTENED', {
      action: `read ${lengthBytes} bytes at ${offset} of ${path}`,
      actual: `there are ${got}`,
      wanted: 'a file that nothing shortens while it is read',
    });
  };
}

/** Undefined where the file cannot be mapped, which the first window tells. */
function mappedWindows(libc: Libc, fd: number, sizeBytes: number): Windows | undefined {
  let start = 0;
  let end = 0;
  let window: ReturnType<Libc['openWindow']>;
  const show = (offset: number): void => {
    end = start; // nothing is shown while a failed mapping leaves the window undefined
    const lengthBytes = Math.min(MAPPED_BYTES + PAGE_BYTES, sizeBytes - offset);
    window.show(fd, offset, lengthBytes);
    start = offset;
    end = offset + lengthBytes;
  };
  try {
    window = libc.openWindow(MAPPED_BYTES + PAGE_BYTES);
    show(0);
  } catch {
    return undefined;
  }
  return (offset, lengthBytes) => {
    if (offset < start || offset + lengthBytes > end) show(offset - (offset % PAGE_BYTES));
    const at = offset - start;
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
