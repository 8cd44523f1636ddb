/** Walks the dumpable pages in order and reads them through large windows. */
import type { Bitmap } from '../../filter/bitmap.ts';
import { ZeroPageDetector } from '../../filter/zero-page.ts';
import { readPhysicalOrZeros, type Vmcore } from '../../vmcore/open.ts';
import type { PfnRange } from '../../vmcore/segments.ts';

const WINDOW_BYTES = 4 << 20;
/** Bounds the time between two yields, when the watchdog is fed: as many pages as a window of 4 KiB pages has. */
const PAGES_PER_STEP = 1024;
/** The longest gap within a window, by what its pages cost. Reading across a few of them costs less than another read. */
const MAX_GAP_PAGES = { free: Number.POSITIVE_INFINITY, cheap: 4, harmful: 0 };

export interface PageLoopInput {
  readonly vmcore: Pick<Vmcore, 'source' | 'segments'>;
  readonly pageSizeBytes: number;
  readonly bitmap2: Bitmap;
  /** Whether pages that are read are looked at for zeros (dump level bit 1). Those in holes of the file are zeros without a look. */
  readonly findsZeros: boolean;
  /** Only the pages from `start` to before `end`; all when left out. */
  readonly pfns?: PfnRange;
}

export interface PageTaker {
  /** So many pages, from byte `at` of `window` on, valid until the call returns. None is zero where the loop finds those. */
  add(window: Buffer, at: number, pages: number): void;
  /** So many pages of zeros; `zeros` is one. */
  addZeros(zeros: Buffer, pages: number): void;
  /** A page that cannot be read; `zeros` is a page of them. */
  addMissing(zeros: Buffer): void;
}

export interface PageLoopEvents {
  /** A page that cannot be read from the source. */
  readonly onUnreadable: (pfn: number, cause: unknown) => void;
}

/** Passes every dumpable page to `taker`. Every few megabytes it yields the number of pages so far, so that the caller can do other work. */
export function* dumpablePages(
  input: PageLoopInput,
  taker: PageTaker,
  events: PageLoopEvents,
): Generator<number, void> {
  const { pageSizeBytes, bitmap2 } = input;
  const start = input.pfns?.start ?? 0;
  const endPfn = Math.min(input.pfns?.end ?? Number.POSITIVE_INFINITY, bitmap2.sizeBits);
  const { source, segments } = input.vmcore;
  const single = Buffer.alloc(pageSizeBytes);
  const zeros = Buffer.alloc(pageSizeBytes);
  const detector = input.findsZeros ? new ZeroPageDetector(pageSizeBytes) : undefined;
  const windowPages = Math.floor(Math.min(WINDOW_BYTES, source.maxWindowBytes) / pageSizeBytes);

  /** Takes pages that were read. */
  const takeRead = (window: Buffer, at: number, pages: number): void => {
    let first = 0;
    for (let page = 0; detector && page < pages; ) {
      const zero = detector.zeroPages(window, at + page * pageSizeBytes, pages - page);
      if (zero === 0) {
        page++;
        continue;
      }
      if (page > first) taker.add(window, at + first * pageSizeBytes, page - first);
      taker.addZeros(zeros, zero);
      page += zero;
      first = page;
    }
    if (pages > first) taker.add(window, at + first * pageSizeBytes, pages - first);
  };

  /** Reads one page by read(2), with zeros for what the segments lack: for edges of segments, and where a window fails. */
  const takeSingle = (pfn: number): void => {
    try {
      if (readPhysicalOrZeros(input.vmcore, pfn * pageSizeBytes, single) === 0) {
        events.onUnreadable(pfn, undefined);
        taker.addMissing(zeros);
        return;
      }
    } catch (error) {
      events.onUnreadable(pfn, error);
      taker.addMissing(zeros);
      return;
    }
    takeRead(single, 0, 1);
  };

  /** Takes the dumpable pages from `first` to before `end`, which are adjacent in the file. Returns their number. */
  const takeWindow = (first: number, end: number): number => {
    const offset = segments.fileOffset(first * pageSizeBytes)!;
    const window = openWindow(source, offset, (end - first) * pageSizeBytes);
    let taken = 0;
    for (let pfn = first; pfn < end; pfn = bitmap2.nextSet(pfn, end)) {
      const runEnd = bitmap2.nextClear(pfn, end);
      taken += runEnd - pfn;
      if (window) takeRead(window, (pfn - first) * pageSizeBytes, runEnd - pfn);
      else for (let bad = pfn; bad < runEnd; bad++) takeSingle(bad);
      pfn = runEnd;
    }
    return taken;
  };

  /** Takes the dumpable pages from `first` to before `end`, which are zeros. Returns their number. */
  const takeZeros = (first: number, end: number): number => {
    let taken = 0;
    for (let pfn = first; pfn < end; ) {
      const runEnd = bitmap2.nextClear(pfn, end);
      taker.addZeros(zeros, runEnd - pfn);
      taken += runEnd - pfn;
      pfn = bitmap2.nextSet(runEnd, end);
    }
    return taken;
  };

  let pagesDone = 0;
  let pagesSaid = 0;
  for (let pfn = bitmap2.nextSet(start, endPfn); pfn < endPfn; ) {
    const paddr = pfn * pageSizeBytes;
    const wholePages = Math.floor(segments.fileRunBytes(paddr) / pageSizeBytes);
    if (wholePages === 0) {
      takeSingle(pfn);
      pagesDone++;
      pfn = bitmap2.nextSet(pfn + 1, endPfn);
    } else {
      const offset = segments.fileOffset(paddr)!;
      const limit = Math.min(endPfn, pfn + Math.min(wholePages, windowPages));
      const zeroBytes = source.zeroBytes?.(offset, (limit - pfn) * pageSizeBytes) ?? 0;
      const zeroEnd = pfn + Math.floor(zeroBytes / pageSizeBytes);
      if (zeroEnd > pfn) {
        pagesDone += takeZeros(pfn, zeroEnd);
        pfn = bitmap2.nextSet(zeroEnd, endPfn);
      } else {
        const unused = source.unusedPages?.(offset, (limit - pfn) * pageSizeBytes) ?? 'cheap';
        const end = windowEnd(bitmap2, pfn, limit, MAX_GAP_PAGES[unused]);
        pagesDone += takeWindow(pfn, end);
        pfn = bitmap2.nextSet(end, endPfn);
      }
    }
    if (pagesDone - pagesSaid < PAGES_PER_STEP && pfn < endPfn) continue;
    pagesSaid = pagesDone;
    yield pagesDone;
  }
}

/** Undefined when it cannot be read: then its pages are read one by one to find the bad one. */
function openWindow(source: Vmcore['source'], offset: number, lengthBytes: number): Buffer | undefined {
  try {
    const bytes = source.window(offset, lengthBytes);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch {
    return undefined;
  }
}

/** Where a window that begins at the set bit `pfn` ends: before a wide gap or at `limit`, after a set bit. */
function windowEnd(bitmap2: Bitmap, pfn: number, limit: number, maxGapPages: number): number {
  let end = bitmap2.nextClear(pfn, limit);
  for (;;) {
    const reach = Math.min(limit, end + maxGapPages + 1);
    const next = bitmap2.nextSet(end, reach);
    if (next === reach) return end;
    end = bitmap2.nextClear(next, limit);
  }
}
