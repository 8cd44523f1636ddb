/** The bytes of a vmcore as the pure core sees them: no file system, no FFI. */
import type { FileRange } from './mappable.ts';

/** A file-like object that can be read at any offset. Reads are synchronous: the capture kernel has one CPU and one job. */
export interface ByteSource {
  /** Its name in messages, usually a path. */
  readonly name: string;
  readonly sizeBytes: number;
  /**
   * Fills `into` from `offset` on. Returns the number of bytes read, which is less than asked only at the end of the source.
   * @throws SystemError when the operating system fails the read (EIO on a bad page).
   */
  readAt(into: Uint8Array, offset: number): number;
  /**
   * A view of `lengthBytes` bytes from `offset` on, without a copy where the source is mapped. It is valid until the next
   * call of `window`. More than `maxWindowBytes`, or a window past the end, is a RangeError.
   * @throws SystemError as `readAt` does.
   */
  window(offset: number, lengthBytes: number): Uint8Array;
  /** The largest window, in bytes; a multiple of 64 KiB. */
  readonly maxWindowBytes: number;
  /**
   * What it takes to have pages in a window that nobody looks at: nothing in a mapping (`free`), their share of a read in a
   * file (`cheap`; the default). In /proc/vmcore a read touches the memory of the crashed machine, which may be broken
   * (`harmful`).
   */
  unusedPages?(offset: number, lengthBytes: number): 'free' | 'cheap' | 'harmful';
  /** How many of the `lengthBytes` bytes from `offset` on, from the first, are sure to be zeros, because the file has a hole there. */
  zeroBytes?(offset: number, lengthBytes: number): number;
  /**
   * Lets the source map parts of itself. Before this call, and outside of the ranges, everything is read.
   * @param loads the file ranges of the PT_LOADs.
   */
  allowMapping?(loads: readonly FileRange[], pageSizeBytes: number): void;
}
