import { expect, test } from 'vitest';
import { openNoneCodec } from '../../../../capture/codecs/codec.ts';
import { openCodecOrFallback } from '../../../../capture/codecs/open.ts';
import { openFfi } from '../../../../capture/ffi/library.ts';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import {
  copiedPages,
  type FinishedDump,
  storedSample,
} from '../../../../capture/kdump/combine/copied-pages.ts';
import { type DumpInput, writeDump } from '../../../../capture/kdump/write/writer.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { inputOf, KINDS, MemoryFile, MemorySource, machine, PAGE, pageOf } from '../fixture.ts';

const PAGES = 4000;
const pageAt = (pfn: number) => pageOf(KINDS[pfn % KINDS.length]!, pfn);
const codec = openCodecOrFallback(openFfi, { name: 'zstd', pageSizeBytes: PAGE }, () => {});

function bitmapOf(pfns: Iterable<number>): Bitmap {
  const bitmap = Bitmap.create(PAGES, PAGE);
  for (const pfn of pfns) bitmap.set(pfn);
  return bitmap;
}

function* every(step: number, from = 0): Generator<number> {
  for (let pfn = from; pfn < PAGES; pfn += step) yield pfn;
}

function dumpOf(level: number): { input: DumpInput; dump: FinishedDump; file: MemoryFile } {
  const memory = machine([{ start: 0, end: PAGES * PAGE }], pageAt);
  const input: DumpInput = {
    ...inputOf(memory, { bitmap2: bitmapOf(every(3, 1)) }),
    codec,
    dumpLevel: level,
    digestAlgorithm: 'crc32',
  };
  const file = new MemoryFile();
  const { layout } = writeDump(input, file);
  const sharesZeroPage = level === 31;
  return {
    input,
    file,
    dump: { source: new MemorySource(file.bytes), layout, bitmap2: input.bitmap2, sharesZeroPage },
  };
}

test.each([31, 30])('pages of a dump of level %s are what the memory had', level => {
  const { input, dump } = dumpOf(level);
  const wanted = bitmapOf(every(21, 1));
  const [copied, compressed] = [new MemoryFile(), new MemoryFile()];
  const result = writeDump({ ...input, bitmap2: wanted, feed: copiedPages(dump, wanted) }, copied);
  const other = writeDump({ ...input, bitmap2: wanted }, compressed);
  expect(copied.bytes.equals(compressed.bytes)).toBe(true);
  expect(result.digest).toEqual(other.digest);
  expect(result.counts).toMatchObject({
    pagesDumped: other.counts.pagesDumped,
    pagesZero: other.counts.pagesZero,
  });
  const file = openKdump(copied.bytes);
  for (const pfn of every(21, 1)) expect(file.readPage(pfn)).toEqual(pageAt(pfn));
});

test.each([1 << 20, PAGE, 3 * PAGE])(
  'pages far apart and side by side, through windows of %s bytes',
  most => {
    const { input, dump, file } = dumpOf(31);
    const reads: number[] = [];
    const source = new (class extends MemorySource {
      override window(offset: number, lengthBytes: number): Uint8Array {
        reads.push(lengthBytes);
        return super.window(offset, lengthBytes);
      }
    })(file.bytes, most);
    // 600 in a row, every 31st, and the last one.
    const wanted = bitmapOf([...every(3, 1)].filter((pfn, i) => pfn < 1800 || i % 31 === 0 || pfn > 3994));
    const [copied, compressed] = [new MemoryFile(), new MemoryFile()];
    writeDump({ ...input, bitmap2: wanted, feed: copiedPages({ ...dump, source }, wanted) }, copied);
    writeDump({ ...input, bitmap2: wanted }, compressed);
    expect(copied.bytes.equals(compressed.bytes)).toBe(true);
    if (most > 3 * PAGE) expect(reads.length).toBeLessThan(30);
  },
);

test('what pages take is known without compressing them, in the order in which they are asked for', () => {
  const { dump, file } = dumpOf(31);
  const pfns = [3001, 1, 4, 1501];
  const sizes = pfns.map(pfn =>
    KINDS[pfn % KINDS.length] === 'zero' ? 0 : openKdump(file.bytes).descriptor(pfn).size,
  );
  expect(storedSample(dump, pfns).sizes).toEqual(sizes);
});

test('a damaged descriptor is refused', () => {
  const { input, dump, file } = dumpOf(31);
  file.bytes.writeUInt32LE(1 << 20, dump.layout.descriptorsOffset + 8);
  const wanted = bitmapOf([1]);
  expect(() =>
    writeDump({ ...input, bitmap2: wanted, feed: copiedPages(dump, wanted) }, new MemoryFile()),
  ).toThrow('the descriptor of page 1 is damaged');
});

test('no codec is asked for anything', () => {
  const { input, dump } = dumpOf(31);
  const wanted = bitmapOf(every(21, 1));
  const none = { ...openNoneCodec(), compress: () => expect.fail('compressed') as never };
  writeDump({ ...input, codec: none, bitmap2: wanted, feed: copiedPages(dump, wanted) }, new MemoryFile());
});
