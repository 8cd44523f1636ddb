/**
 * How many threads compress a dump when nobody asked for a number. A thread takes 0.1 s of CPU to load and to begin with. It
 * pays where that is hidden, because the pages of a large vmcore are being chosen meanwhile, or where there is much to
 * compress.
 */
import type { CodecName } from '../../../capture/codecs/table.ts';
import { DUMP_LEVEL_ZERO } from '../../../capture/filter/dump-level.ts';
import { ZeroPageDetector } from '../../../capture/filter/zero-page.ts';
import { spreadPages } from '../../../capture/kdump/write/predict.ts';
import type { DumpInput } from '../../../capture/kdump/write/writer.ts';
import { compressingSeconds } from '../../../capture/threads/cost.ts';

/** More only on request: each thread takes memory, and the writing thread becomes the bottleneck. */
const MOST_THREADS_UNASKED = 4;
/** For a larger vmcore the bitmap that the threads share is too large. */
const LARGEST_VMCORE_BYTES = 2 ** 38;
/** Choosing the pages of a larger vmcore takes longer than loading a thread. */
const LARGE_VMCORE_BYTES = 2 ** 31;
/**
 * Measured: 17,000 pages of lzo are the fewest with which two threads were faster (test/bench/RESULTS.md). The first thread
 * does not wait for the second, which loads meanwhile.
 */
const WORK_SECONDS = 0.06;
const SAMPLES = 256;

/** About how many pages are compressed: pages of zeros are not, and only reading a page shows that it is one. */
export function pagesToCompress({
  vmcore: { source, segments, pageSizeBytes },
  bitmap2,
  dumpLevel,
}: Pick<DumpInput, 'vmcore' | 'bitmap2' | 'dumpLevel'>): number {
  const pages = bitmap2.count();
  if ((dumpLevel & DUMP_LEVEL_ZERO) === 0) return pages;
  const detector = new ZeroPageDetector(pageSizeBytes);
  const page = Buffer.alloc(pageSizeBytes);
  let read = 0;
  let zero = 0;
  for (const pfn of spreadPages(bitmap2, SAMPLES)) {
    const offset = segments.fileOffset(pfn * pageSizeBytes);
    if (offset === undefined) continue;
    try {
      source.readAt(page, offset);
    } catch {
      continue; // the dump itself says which pages cannot be read
    }
    read += 1;
    if (detector.isZero(page, 0)) zero += 1;
  }
  return read === 0 ? pages : Math.round(pages * (1 - zero / read));
}

/** Whether the number of pages to compress makes a difference: counting them takes seconds on a machine of terabytes. */
export function dependsOnPages(vmcoreBytes: number, cpus: number): boolean {
  return cpus > 1 && vmcoreBytes <= LARGEST_VMCORE_BYTES;
}

/** Threads to start before the pages are chosen. */
export function threadsAtOnce(vmcoreBytes: number, cpus: number): number {
  const isLarge = vmcoreBytes >= LARGE_VMCORE_BYTES && vmcoreBytes <= LARGEST_VMCORE_BYTES;
  return isLarge ? Math.min(cpus, MOST_THREADS_UNASKED) : 1;
}

/** Threads to start when the pages are chosen. */
export function threadsForPages(
  pages: number,
  codec: CodecName | 'none',
  vmcoreBytes: number,
  cpus: number,
): number {
  if (compressingSeconds(pages, codec) < WORK_SECONDS || !dependsOnPages(vmcoreBytes, cpus)) return 1;
  return Math.min(cpus, MOST_THREADS_UNASKED);
}
