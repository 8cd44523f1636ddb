/**
 * Keeps the pages that were read last: an autopsy reads small structures and page tables, often the same, and each read of a
 * file is a system call, or a page to decompress.
 */
import type { ReadPhysical } from '../vmcore/open.ts';

/** For so few a loop takes less than an array of its own. */
const MOST_LOOPED_BYTES = 16;

/** @param pages how many are kept: a power of two. */
export function cachedReads(readPhysical: ReadPhysical, pageSizeBytes: number, pages: number): ReadPhysical {
  const bytes = new Uint8Array(pages * pageSizeBytes);
  const pfns = new Float64Array(pages).fill(-1);
  /** The slot of a page of which the vmcore holds all; -1 for another. */
  const slotOf = (pfn: number): number => {
    const slot = pfn & (pages - 1);
    if (pfns[slot] === pfn) return slot;
    pfns[slot] = -1;
    const at = slot * pageSizeBytes;
    const page = bytes.subarray(at, at + pageSizeBytes);
    if (readPhysical(pfn * pageSizeBytes, page) < pageSizeBytes) return -1;
    pfns[slot] = pfn;
    return slot;
  };
  return (paddr, into) => {
    // A long read would only displace what is needed again.
    if (into.length >= pageSizeBytes) return readPhysical(paddr, into);
    let done = 0;
    while (done < into.length) {
      const pfn = Math.floor((paddr + done) / pageSizeBytes);
      const inPage = paddr + done - pfn * pageSizeBytes;
      const slot = slotOf(pfn);
      const part = Math.min(into.length - done, pageSizeBytes - inPage);
      if (slot < 0) return done + readPhysical(paddr + done, into.subarray(done, done + part));
      const from = slot * pageSizeBytes + inPage;
      if (part > MOST_LOOPED_BYTES) into.set(bytes.subarray(from, from + part), done);
      else for (let i = 0; i < part; i++) into[done + i] = bytes[from + i]!;
      done += part;
    }
    return done;
  };
}
