/** 1 TiB of memory without holes, and triage pages all over it: the file and the memory follow the pages, not the machine. */
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { openNodeCodec } from '../../../capture/codecs/open.ts';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import { checkSteps } from '../../../capture/kdump/check/check.ts';
import { damagedRegions } from '../../../capture/kdump/format/digest.ts';
import { openKdumpVmcore } from '../../../capture/kdump/read/vmcore.ts';
import { finish } from '../../../capture/kdump/steps.ts';
import { bitmapHoles } from '../../../capture/kdump/write/bitmaps.ts';
import { crashFacts } from '../../../capture/kdump/write/input.ts';
import { writeDump } from '../../../capture/kdump/write/writer.ts';
import { openCrash } from '../../../capture/kernel/crash.ts';
import { openFileSink } from '../../../capture/storage/place/file-sink.ts';
import { MOST_TRIAGE_BYTES, triageBitmap } from '../../../capture/triage/bitmap.ts';
import { type OpenFile, openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { buildVmcore } from '../../support/vmcore-builder.ts';

const PAGE = 4096;
const TIB = 2 ** 40;
const PAGES = TIB / PAGE;
/** A block of a bitmap has the bits of 128 MiB. */
const BLOCK_PAGES = PAGE * 8;

/** The memory of a machine with 1 TiB: each page has its own number in it, again and again. */
class VastSource implements ByteSource {
  readonly name = 'vast';
  readonly maxWindowBytes = 1 << 20;
  readonly #head: Uint8Array;
  readonly #memoryOffset = 1 << 16;
  readonly sizeBytes = this.#memoryOffset + TIB;

  constructor() {
    const load = { paddr: 0, bytes: new Uint8Array(), p_filesz: BigInt(TIB), p_memsz: BigInt(TIB) };
    this.#head = buildVmcore({ loads: [{ ...load, p_offset: BigInt(this.#memoryOffset) }] });
  }

  readAt(into: Uint8Array, offset: number): number {
    for (let i = 0; i < into.length; i++) {
      const at = offset + i;
      const pfn = Math.floor((at - this.#memoryOffset) / PAGE);
      into[i] = at < this.#memoryOffset ? (this.#head[at] ?? 0) : (pfn >> (8 * (at % 4))) & 0xff;
    }
    return into.length;
  }

  window(offset: number, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(PAGE, lengthBytes));
    this.readAt(bytes.subarray(0, lengthBytes), offset);
    return bytes.subarray(0, lengthBytes);
  }
}

const crash = openCrash(new VastSource());
const codec = openNodeCodec('zstd', PAGE);
const all = Bitmap.create(PAGES);
all.setRange(0, PAGES);
const everyNth = (step: number, count: number) => Array.from({ length: count }, (_, i) => i * step + (i % 7));
const choose = (pfns: readonly number[], allocate?: (sizeBytes: number) => Uint8Array) =>
  triageBitmap({ vmcore: crash.vmcore, dumpLevel: 31, codec }, all, pfns, allocate);

/** As many pages in a row as a stack has, every 3 GiB. */
const SPREAD = everyNth(3 * 2 ** 18, 340).flatMap(pfn => [pfn, pfn + 1, pfn + 2, pfn + 3]);

test('where its pages fit as they are, none is compressed to find out', () => {
  const compress = () => {
    throw new Error('compressed');
  };
  const dump = { vmcore: crash.vmcore, dumpLevel: 31, codec: { ...codec, compress } };
  const most = MOST_TRIAGE_BYTES / 2 / PAGE;
  expect(triageBitmap(dump, all, everyNth(1, most)).bitmap2.count()).toBe(most);
  expect(() => triageBitmap(dump, all, everyNth(8, most + 1))).toThrow('compressed');
});

test('the bitmap takes the memory of the blocks in which it has pages', () => {
  const asked: number[] = [];
  const { bitmap2, leftOut } = choose(SPREAD, sizeBytes => {
    asked.push(sizeBytes);
    return new Uint8Array(sizeBytes);
  });
  expect(leftOut).toBe(0);
  expect(bitmap2.count()).toBe(SPREAD.length);
  expect(SPREAD.every(pfn => bitmap2.has(pfn))).toBe(true);
  expect(asked).toEqual([340 * PAGE]);
});

test('pages in more blocks than the file may have are left out, those needed least', () => {
  const pfns = everyNth(BLOCK_PAGES, 8192);
  const { bitmap2, leftOut } = choose(pfns);
  const most = MOST_TRIAGE_BYTES / 2 / (2 * PAGE);
  expect(bitmap2.count()).toBe(most);
  expect(leftOut).toBe(8192 - most);
  expect(bitmap2.has(pfns[most - 1]!)).toBe(true);
  expect(bitmap2.has(pfns[most]!)).toBe(false);
});

test('addresses of 4 PiB cost no large table', () => {
  const vast = Bitmap.over([{ start: 2 ** 40 - 9, end: 2 ** 40 }], 2 ** 40);
  vast.setRange(2 ** 40 - 9, 2 ** 40);
  const { bitmap2 } = triageBitmap({ vmcore: crash.vmcore, dumpLevel: 31, codec }, vast, [2 ** 40 - 3]);
  expect(bitmap2.count()).toBe(1);
  expect(bitmap2.sizeBits / (bitmap2.chunkBytes * 8)).toBeLessThanOrEqual(2 ** 18);
});

describe('the file', () => {
  let folder: string;
  let file: OpenFile;
  let result: ReturnType<typeof writeDump>;
  let diskBytes: number;
  const { bitmap2 } = choose(SPREAD);
  const bitmaps = { segments: crash.vmcore.segments.segments, bitmap1: 'nearKept' as const, bitmap2 };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kdumpling-vast-'));
    const path = join(folder, 'vmcore-triage');
    const fd = openSync(path, 'w+');
    const input = {
      ...crashFacts(crash),
      bitmap2,
      bitmap1: bitmaps.bitmap1,
      dumpLevel: 31,
      codec,
      digestAlgorithm: 'crc32' as const,
    };
    result = writeDump(input, openFileSink(fd, path, { durable: false, allowsHoles: true }));
    diskBytes = fstatSync(fd).blocks * 512;
    closeSync(fd);
    file = openVmcoreFile(path, undefined);
  });
  afterAll(() => {
    file.close();
    rmSync(folder, { recursive: true });
  });

  test('takes on disk what its pages take, where the bitmaps of the machine have 64 MiB', () => {
    const { layout, counts } = result;
    expect(layout.bitmapBytes).toBe(32 << 20);
    expect(file.sizeBytes).toBe(counts.bytesWritten);
    const holeBytes = bitmapHoles(layout, bitmaps).reduce((sum, { start, end }) => sum + end - start, 0);
    expect(counts.bytesWritten - holeBytes).toBeLessThan(4e6);
    expect(diskBytes).toBeLessThan(4e6);
  });

  test('is whole by its digests and by each of its pages', () => {
    expect(damagedRegions(file, result.digest)).toEqual([]);
    const check = finish(checkSteps(file, openPageCodecs(undefined)));
    expect(check).toMatchObject({ damage: [], isIncomplete: false, pages: SPREAD.length });
    expect(result.counts).toMatchObject({ pagesPresent: PAGES, pagesDumped: SPREAD.length });
  });

  test('has each page, and knows those near it that it has not', () => {
    const { vmcore, close } = openKdumpVmcore(file, openPageCodecs(undefined));
    const page = new Uint8Array(PAGE);
    for (const pfn of SPREAD) {
      expect(vmcore.source.readAt(page, pfn * PAGE)).toBe(PAGE);
      expect(Buffer.from(page.buffer).readUInt32LE(PAGE / 2)).toBe(pfn);
    }
    // In the same block of the first bitmap, all of which exists.
    const [first] = vmcore.segments.segments;
    expect(first).toMatchObject({ start: 0, fileBytes: 4 * PAGE });
    expect(first!.end).toBe(BLOCK_PAGES * PAGE);
    close();
  });
});
