/**
 * Keeps the pages that were read last: an autopsy reads small structures and page tables, often the same, and each read of a
 * file is a system call, or a page to decompress.
 */
import type { ReadPhysical } from '../vmcore/open.ts';

/** For so few a loop takes less than an array of its own. */
const MOST_LOOPED_BYTES = 4;

/** @param pages how many are kept, those that were read last. */
export function cachedReads(readPhysical: ReadPhysical, pageSizeBytes: number, pages: number): ReadPhysical {
  const bytes = new Uint8Array(pages * pageSizeBytes);
  const free = Array.from({ length: pages }, (_, i) => i * pageSizeBytes);
  /** Where in `bytes` each page is, in the order in which they were read: in another one, each use of a page would move it. */
  const places = new Map<number, number>();
  const takeOldest = (): number => {
    const [pfn, place] = places.entries().next().value!;
    places.delete(pfn);
    return place;
  };
  /** @returns where the page is now; -1 for one of which the vmcore does not hold all. */
  const load = (pfn: number): number => {
    const place = free.pop() ?? takeOldest();
    // Until the page is there: reading it may throw.
    free.push(place);
    const page = bytes.subarray(place, place + pageSizeBytes);
    if (readPhysical(pfn * pageSizeBytes, page) < pageSizeBytes) return -1;
    free.pop();
    places.set(pfn, place);
    return place;
  };
  return (paddr, into) => {
    // A long read would only displace what is needed again.
    const wanted = into.length;
    if (wanted >= pageSizeBytes) return readPhysical(paddr, into);
    let done = 0;
    while (done < wanted) {
      const pfn = Math.floor((paddr + done) / pageSizeBytes);
      const inPage = paddr + done - pfn * pageSizeBytes;
      const part = Math.min(wanted - done, pageSizeBytes - inPage);
      const place = places.get(pfn) ?? load(pfn);
      if (place < 0) return done + readPhysical(paddr + done, into.subarray(done, done + part));
      const from = place + inPage;
      if (part > MOST_LOOPED_BYTES) into.set(bytes.subarray(from, from + part), done);
      else for (let i = 0; i < part; i++) into[done + i] = bytes[from + i]!;
      done += part;
    }
    return done;
  };
}
