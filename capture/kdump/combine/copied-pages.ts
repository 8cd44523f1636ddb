/** Pages of a finished dump for another one that has fewer of them, compressed as they are. */
import { DumpFormatError } from '../../errors.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import type { PageDescriptor } from '../format/descriptor.ts';
import type { DumpLayout } from '../format/layout.ts';
import { DescriptorReader, isStoredPage } from '../read/file.ts';
import { type PageSample, sampleOf } from '../write/predict.ts';
import type { PageFeed } from '../write/writer.ts';
import { countIn } from './split.ts';

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
  const { source, layout } = dump;
  const zeros = Buffer.alloc(layout.block_size);
  return function* feed(store) {
    let done = 0;
    for (const { page } of descriptorsOf(dump, pagesOf(wanted))) {
      if (isZeroPage(dump, page)) store.addZeros(zeros, 1);
      else store.addStored(source.window(page.offset, page.size), page.flags);
      if (++done % PAGES_PER_STEP === 0) yield done;
    }
    yield done;
  };
}

/** What pages of the dump take there. @throws DumpFormatError where the file is damaged. */
export function storedSample(dump: FinishedDump, pfns: Iterable<number>): PageSample {
  const wanted = [...pfns];
  const sizes = new Map<number, number>();
  for (const { pfn, page } of descriptorsOf(
    dump,
    wanted.toSorted((a, b) => a - b),
  ))
    sizes.set(pfn, isZeroPage(dump, page) ? 0 : page.size);
  return sampleOf(
    wanted.map(pfn => sizes.get(pfn)!),
    dump.sharesZeroPage,
  );
}

function isZeroPage({ layout, sharesZeroPage }: FinishedDump, { offset }: PageDescriptor): boolean {
  return sharesZeroPage && offset === layout.dataOffset;
}

/** @param pfns in ascending order. */
function* descriptorsOf(
  { source, layout, bitmap2 }: FinishedDump,
  pfns: Iterable<number>,
): Generator<{ pfn: number; page: PageDescriptor }> {
  const { descriptorsOffset, block_size } = layout;
  const file = { source, header: { block_size }, descriptorsOffset };
  const descriptors = new DescriptorReader(file);
  let [index, counted] = [0, 0];
  for (const pfn of pfns) {
    index += countIn(bitmap2, counted, pfn);
    counted = pfn;
    const page = descriptors.at(index);
    if (!isStoredPage(file, page)) {
      const actual = `the descriptor of page ${pfn} is damaged: ${page.size} bytes at ${page.offset}`;
      throw new DumpFormatError('PAGE_UNREADABLE', { action: `copy pages of ${source.name}`, actual });
    }
    yield { pfn, page };
  }
}

function* pagesOf(bitmap: Bitmap): Generator<number> {
  const { sizeBits } = bitmap;
  for (let pfn = bitmap.nextSet(0); pfn < sizeBits; pfn = bitmap.nextSet(pfn + 1)) yield pfn;
}
