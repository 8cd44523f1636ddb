/** Pages of a finished dump for another one that has fewer of them, compressed as they are. */
import { DumpFormatError } from '../../errors.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import type { PageDescriptor } from '../format/descriptor.ts';
import type { DumpLayout } from '../format/layout.ts';
import { DescriptorReader, isStoredPage, type PagePlaces } from '../read/file.ts';
import { entryOf, StoredAs } from '../write/page-batch.ts';
import type { PageStore } from '../write/page-store.ts';
import { type PageSample, sampleOf } from '../write/predict.ts';
import type { PageFeed } from '../write/writer.ts';

export interface FinishedDump {
  readonly source: ByteSource;
  readonly layout: DumpLayout;
  /** Its pages. It lacks none of them, and each could be read. */
  readonly bitmap2: Bitmap;
  /** Whether zero pages share the first data. */
  readonly sharesZeroPage: boolean;
}

const PAGES_PER_STEP = 512;

/**
 * @param wanted some of the dump's pages.
 * @returns the feed of a dump of the same level and codec. It throws DumpFormatError where the file is damaged.
 */
export function copiedPages(dump: FinishedDump, wanted: Bitmap): PageFeed {
  const { sizeBits } = wanted;
  return function* feed(store) {
    const copying = new PageCopying(dump, store);
    const descriptors = new PlacedDescriptors(dump);
    let done = 0;
    let said = 0;
    for (let pfn = wanted.nextSet(0); pfn < sizeBits; pfn = wanted.nextSet(pfn)) {
      const end = wanted.nextClear(pfn, pfn + PAGES_PER_STEP);
      done += end - pfn;
      for (; pfn < end; pfn++) copying.add(descriptors.of(pfn));
      if (done - said < PAGES_PER_STEP) continue;
      said = done;
      yield done;
    }
    copying.finish();
    yield done;
  };
}

/** Of a read and of a write. */
const BATCH_BYTES = 256 << 10;
/** A page for 64 bytes of data: some 250 pages fill the usual batch, so that only many zero pages fill it first. */
const BATCH_PAGES = BATCH_BYTES / 64;
/** Reading across a few pages costs less than another read. */
const MOST_GAP_BYTES = 16 << 10;

/** Copies the data of pages in pieces, read where it is close together and written end to end. */
class PageCopying {
  readonly #dump: FinishedDump;
  readonly #store: PageStore;
  readonly #data: Buffer;
  readonly #entries = new Uint32Array(1 + BATCH_PAGES);
  #pages = 0;
  #dataBytes = 0;
  /** Where the data of the batch is in the dump. */
  #pieces: { start: number; end: number }[] = [];

  constructor(dump: FinishedDump, store: PageStore) {
    this.#dump = dump;
    this.#store = store;
    this.#data = Buffer.alloc(Math.min(BATCH_BYTES, dump.source.maxWindowBytes));
  }

  add(page: PageDescriptor): void {
    const isZero = isZeroPage(this.#dump, page);
    const size = isZero ? 0 : page.size;
    if (this.#pages === BATCH_PAGES || this.#dataBytes + size > this.#data.length) this.finish();
    const kind = isZero ? StoredAs.zero : page.flags === 0 ? StoredAs.raw : StoredAs.compressed;
    this.#entries[++this.#pages] = entryOf(kind, size);
    if (isZero) return;
    this.#dataBytes += size;
    const last = this.#pieces.at(-1);
    if (last?.end === page.offset) last.end += size;
    else this.#pieces.push({ start: page.offset, end: page.offset + size });
  }

  /** Hands over what was added. */
  finish(): void {
    const pieces = this.#pieces;
    let at = 0;
    for (let i = 0; i < pieces.length; ) {
      const near = this.#nearPieces(i);
      const { start } = pieces[i]!;
      const window = this.#dump.source.window(start, pieces[near - 1]!.end - start);
      for (; i < near; i++) {
        const piece = pieces[i]!;
        this.#data.set(window.subarray(piece.start - start, piece.end - start), at);
        at += piece.end - piece.start;
      }
    }
    this.#entries[0] = this.#pages;
    this.#store.addBatch({ data: this.#data, entries: this.#entries });
    this.#pieces = [];
    this.#pages = 0;
    this.#dataBytes = 0;
  }

  /** The number of the first piece behind those that one window shows, from the `first` on. */
  #nearPieces(first: number): number {
    const pieces = this.#pieces;
    const limit = pieces[first]!.start + this.#dump.source.maxWindowBytes;
    let next = first + 1;
    for (; next < pieces.length; next++) {
      const gap = pieces[next]!.start - pieces[next - 1]!.end;
      if (gap < 0 || gap > MOST_GAP_BYTES || pieces[next]!.end > limit) break;
    }
    return next;
  }
}

/** What pages of the dump take there. @throws DumpFormatError where the file is damaged. */
export function storedSample(dump: FinishedDump, pfns: Iterable<number>): PageSample {
  const wanted = [...pfns];
  const sizes = new Map<number, number>();
  const descriptors = new PlacedDescriptors(dump);
  for (const pfn of Float64Array.from(new Set(wanted)).sort()) {
    const page = descriptors.of(pfn);
    sizes.set(pfn, isZeroPage(dump, page) ? 0 : page.size);
  }
  return sampleOf(
    wanted.map(pfn => sizes.get(pfn)!),
    dump.sharesZeroPage,
  );
}

function isZeroPage({ layout, sharesZeroPage }: FinishedDump, { offset }: PageDescriptor): boolean {
  return sharesZeroPage && offset === layout.dataOffset;
}

/** The descriptors of the dump's pages, asked for in ascending order. */
class PlacedDescriptors {
  readonly #bitmap2: Bitmap;
  readonly #places: PagePlaces;
  readonly #descriptors: DescriptorReader;
  /** How many pages are before `#counted`. */
  #index = 0;
  #counted = 0;

  constructor({ source, layout: { descriptorsOffset, block_size }, bitmap2 }: FinishedDump) {
    this.#bitmap2 = bitmap2;
    this.#places = { source, header: { block_size }, descriptorsOffset };
    this.#descriptors = new DescriptorReader(this.#places);
  }

  /** @throws DumpFormatError where it is damaged. */
  of(pfn: number): PageDescriptor {
    if (pfn > this.#counted) this.#index += this.#bitmap2.countIn(this.#counted, pfn);
    const page = this.#descriptors.at(this.#index++);
    this.#counted = pfn + 1;
    if (isStoredPage(this.#places, page)) return page;
    throw new DumpFormatError('PAGE_UNREADABLE', {
      action: `copy pages of ${this.#places.source.name}`,
      actual: `the descriptor of page ${pfn} is damaged: ${page.size} bytes at ${page.offset}`,
    });
  }
}
