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
  /** Reads a page into its slot. @returns -1 for one of which the vmcore does not hold all. */
  const load = (pfn: number, slot: number): number => {
    pfns[slot] = -1;
    const at = slot * pageSizeBytes;
    const page = bytes.subarray(at, at + pageSizeBytes);
    if (readPhysical(pfn * pageSizeBytes, page) < pageSizeBytes) return -1;
    pfns[slot] = pfn;
    return slot;
  };
  return (paddr, into) => {
    // A long read would only displace what is needed again.
    const wanted = into.length;
    if (wanted >= pageSizeBytes) return readPhysical(paddr, into);
    let done = 0;
    while (done < wanted) {
      const pfn = Math.floor((paddr + done) / pageSizeBytes);
      const inPage = paddr + done - pfn * pageSizeBytes;
      const kept = pfn & (pages - 1);
      const slot = pfns[kept] === pfn ? kept : load(pfn, kept);
      const part = Math.min(wanted - done, pageSizeBytes - inPage);
      if (slot < 0) return done + readPhysical(paddr + done, into.subarray(done, done + part));
      const from = slot * pageSizeBytes + inPage;
      if (part > MOST_LOOPED_BYTES) into.set(bytes.subarray(from, from + part), done);
      else for (let i = 0; i < part; i++) into[done + i] = bytes[from + i]!;
      done += part;
    }
    return done;
  };
}
