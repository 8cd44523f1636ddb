/** Where the bytes of a vmcore come from, seen from the pure core: no file system, no FFI. */

/** A file-like thing that can be read at any offset. Reads are synchronous: the capture kernel has one CPU and one job. */
export interface ByteSource {
  /** What to call it in messages, usually a path. */
  readonly name: string;
  /** Its length in bytes. */
  readonly sizeBytes: number;
  /**
   * Fills `into` from `offset` on. Returns the number of bytes read, less than asked only at the end of the source.
   * @throws SystemError when the operating system fails the read (EIO on a bad page).
   */
  readAt(into: Uint8Array, offset: number): number;
  /**
   * A view of `lengthBytes` bytes from `offset` on, without a copy where the source can (a mapping). The view is good
   * until the next call of `window`. Asking for more than `maxWindowBytes`, or past the end, is a RangeError.
   * @throws SystemError as `readAt`.
   */
  window(offset: number, lengthBytes: number): Uint8Array;
  /** The largest window, in bytes; a multiple of 64 KiB. */
  readonly maxWindowBytes: number;
  /** Windows are mappings: what nobody looks at in one costs nothing. */
  readonly mapped?: boolean;
}
