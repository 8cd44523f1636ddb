/** What compressing takes, of a CPU and for a further thread: whoever starts threads decides by these. */
import type { CodecName } from '../codecs/table.ts';

/** Of a page of a kernel, on one CPU, measured on dump level 31 of Linux 6.12. */
const MICROSECONDS_A_PAGE: Readonly<Record<CodecName | 'none', number>> = {
  none: 1,
  lzo: 4,
  snappy: 4,
  zstd: 9,
  zlib: 46,
};

/** Of one CPU. */
export function compressingSeconds(pages: number, codec: CodecName | 'none'): number {
  return (pages * MICROSECONDS_A_PAGE[codec]) / 1e6;
}

/** Anonymous memory of a thread without its buffers: 11.3 to 12 MB were measured with 2 MB of buffers (test/bench/RESULTS.md). */
const THREAD_BYTES = 11 << 20;

/** Of a process that helps, for the FFI, a codec and its page loop. */
const HELPER_BYTES = 2 << 20;

/** In a capture. More only wait for the thread that writes. */
export const MOST_THREADS = 4;
/** In a capture: small, because each thread has two buffers of this size. */
export const BATCH_BYTES = 512 << 10;

/** How many batches of the helper may wait to be written: so many while the main thread writes the autopsy, which waits for the disk, or fewer. */
export const HELPER_SLOTS: readonly number[] = [8, 4];

interface SharedSizes {
  readonly batchBytes: number;
  readonly bitmapBytes: number;
}

/** What a further thread takes at most, its buffers and the shared bitmap included. */
export function threadBytes({ batchBytes, bitmapBytes }: SharedSizes): number {
  // The slots of the main thread, which begin with the first further thread, are as many again.
  return THREAD_BYTES + 4 * batchBytes + bitmapBytes;
}

/** What a process that is there already takes at most to help, the memory that both map included. */
export function helperBytes(slots: number, { batchBytes, bitmapBytes }: SharedSizes): number {
  return HELPER_BYTES + slots * batchBytes + bitmapBytes;
}
