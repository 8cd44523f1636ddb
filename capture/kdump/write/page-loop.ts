/** Walks the dumpable pages in order and reads them through large windows. */
import type { Bitmap } from '../../filter/bitmap.ts';
import { ZeroPageDetector } from '../../filter/zero-page.ts';
import { readPhysicalOrZeros, type Vmcore } from '../../vmcore/open.ts';
import type { PfnRange } from '../../vmcore/segments.ts';

const WINDOW_BYTES = 4 << 20;
/** Bounds the time between two yields, when the watchdog is fed: as many pages as a window of 4 KiB pages has. */
const PAGES_PER_STEP = 1024;
const ALL: PfnRange = { start: 0, end: Number.POSITIVE_INFINITY };
/** The longest gap within a window, by what its pages cost. Reading across a few of them costs less than another read. */
const MAX_GAP_PAGES = { free: Number.POSITIVE_INFINITY, cheap: 4, harmful: 0 };

export interface PageLoopInput {
  readonly vmcore: Pick<Vmcore, 'source' | 'segments'>;
  readonly pageSizeBytes: number;
  readonly bitmap2: Bitmap;
  /** Whether pages that are read are looked at for zeros (dump level bit 1). Those in holes of the file are zeros without a look. */
  readonly findsZeros: boolean;
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

/** A class, because V8 begins anew with the functions of each call that makes some: for each batch of a thread, that is slow. */
export class PageLoop {
  readonly #vmcore: PageLoopInput['vmcore'];
  readonly #pageSizeBytes: number;
  readonly #bitmap2: Bitmap;
  readonly #taker: PageTaker;
  readonly #events: PageLoopEvents;
  readonly #single: Buffer;
  readonly #zeros: Buffer;
  readonly #detector: ZeroPageDetector | undefined;
  readonly #windowPages: number;

  constructor(input: PageLoopInput, taker: PageTaker, events: PageLoopEvents) {
    const { vmcore, pageSizeBytes, bitmap2, findsZeros } = input;
    this.#vmcore = vmcore;
    this.#pageSizeBytes = pageSizeBytes;
    this.#bitmap2 = bitmap2;
    this.#taker = taker;
    this.#events = events;
    this.#single = Buffer.alloc(pageSizeBytes);
    this.#zeros = Buffer.alloc(pageSizeBytes);
    this.#detector = findsZeros ? new ZeroPageDetector(pageSizeBytes) : undefined;
    this.#windowPages = Math.floor(Math.min(WINDOW_BYTES, vmcore.source.maxWindowBytes) / pageSizeBytes);
  }

  /**
   * Passes every dumpable page to the taker, or those from `start` to before `end`. Every few megabytes it yields the number of
   * pages so far, so that the caller can do other work.
   */
  *take({ start, end }: PfnRange = ALL): Generator<number, void> {
    const bitmap2 = this.#bitmap2;
    const pageSizeBytes = this.#pageSizeBytes;
    const { source, segments } = this.#vmcore;
    const endPfn = Math.min(end, bitmap2.sizeBits);
    let pagesDone = 0;
    let pagesSaid = 0;
    for (let pfn = bitmap2.nextSet(start, endPfn); pfn < endPfn; ) {
      const paddr = pfn * pageSizeBytes;
      const wholePages = Math.floor(segments.fileRunBytes(paddr) / pageSizeBytes);
      if (wholePages === 0) {
        this.#takeSingle(pfn);
        pagesDone++;
        pfn = bitmap2.nextSet(pfn + 1, endPfn);
      } else {
        const offset = segments.fileOffset(paddr)!;
        const limit = Math.min(endPfn, pfn + Math.min(wholePages, this.#windowPages));
        const zeroBytes = source.zeroBytes?.(offset, (limit - pfn) * pageSizeBytes) ?? 0;
        const zeroEnd = pfn + Math.floor(zeroBytes / pageSizeBytes);
        if (zeroEnd > pfn) {
          pagesDone += this.#takeZeros(pfn, zeroEnd);
          pfn = bitmap2.nextSet(zeroEnd, endPfn);
        } else {
          const unused = source.unusedPages?.(offset, (limit - pfn) * pageSizeBytes) ?? 'cheap';
          const windowEnd = endOfWindow(bitmap2, pfn, limit, MAX_GAP_PAGES[unused]);
          pagesDone += this.#takeWindow(pfn, windowEnd);
          pfn = bitmap2.nextSet(windowEnd, endPfn);
        }
      }
      if (pagesDone - pagesSaid < PAGES_PER_STEP && pfn < endPfn) continue;
      pagesSaid = pagesDone;
      yield pagesDone;
    }
  }

  /** Takes the dumpable pages from `first` to before `end`, which are adjacent in the file. Returns their number. */
  #takeWindow(first: number, end: number): number {
    const bitmap2 = this.#bitmap2;
    const pageSizeBytes = this.#pageSizeBytes;
    const { source, segments } = this.#vmcore;
    const offset = segments.fileOffset(first * pageSizeBytes)!;
    const window = openWindow(source, offset, (end - first) * pageSizeBytes);
    let taken = 0;
    for (let pfn = first; pfn < end; pfn = bitmap2.nextSet(pfn, end)) {
      const runEnd = bitmap2.nextClear(pfn, end);
      taken += runEnd - pfn;
      if (window) this.#takeRead(window, (pfn - first) * pageSizeBytes, runEnd - pfn);
      else for (let bad = pfn; bad < runEnd; bad++) this.#takeSingle(bad);
      pfn = runEnd;
    }
    return taken;
  }

  /** Takes pages that were read. */
  #takeRead(window: Buffer, at: number, pages: number): void {
    const pageSizeBytes = this.#pageSizeBytes;
    const detector = this.#detector;
    const taker = this.#taker;
    let first = 0;
    for (let page = 0; detector && page < pages; ) {
      const zero = detector.zeroPages(window, at + page * pageSizeBytes, pages - page);
      if (zero === 0) {
        page++;
        continue;
      }
      if (page > first) taker.add(window, at + first * pageSizeBytes, page - first);
      taker.addZeros(this.#zeros, zero);
      page += zero;
      first = page;
    }
    if (pages > first) taker.add(window, at + first * pageSizeBytes, pages - first);
  }

  /** Reads one page by read(2), with zeros for what the segments lack: for edges of segments, and where a window fails. */
  #takeSingle(pfn: number): void {
    const single = this.#single;
    try {
      if (readPhysicalOrZeros(this.#vmcore, pfn * this.#pageSizeBytes, single) === 0) {
        this.#miss(pfn, undefined);
        return;
      }
    } catch (error) {
      this.#miss(pfn, error);
      return;
    }
    this.#takeRead(single, 0, 1);
  }

  #miss(pfn: number, cause: unknown): void {
    this.#events.onUnreadable(pfn, cause);
    this.#taker.addMissing(this.#zeros);
  }

  /** Takes the dumpable pages from `first` to before `end`, which are zeros. Returns their number. */
  #takeZeros(first: number, end: number): number {
    const bitmap2 = this.#bitmap2;
    let taken = 0;
    for (let pfn = first; pfn < end; ) {
      const runEnd = bitmap2.nextClear(pfn, end);
      this.#taker.addZeros(this.#zeros, runEnd - pfn);
      taken += runEnd - pfn;
      pfn = bitmap2.nextSet(runEnd, end);
    }
    return taken;
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
function endOfWindow(bitmap2: Bitmap, pfn: number, limit: number, maxGapPages: number): number {
  let end = bitmap2.nextClear(pfn, limit);
  for (;;) {
    const reach = Math.min(limit, end + maxGapPages + 1);
    const next = bitmap2.nextSet(end, reach);
    if (next === reach) return end;
    end = bitmap2.nextClear(next, limit);
  }
}
