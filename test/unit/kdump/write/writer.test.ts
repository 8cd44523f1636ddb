import { describe, expect, test } from 'vitest';
import { openNodeCodec } from '../../../../capture/codecs/open.ts';
import { DATA_CHUNK_BYTES } from '../../../../capture/kdump/write/page-store.ts';
import { writeDump } from '../../../../capture/kdump/write/writer.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import {
  dump,
  type Extent,
  everyPage,
  inputOf,
  KINDS,
  MemoryFile,
  machine,
  PAGE,
  pageOf,
  UTSNAME,
} from '../fixture.ts';

const mixed = (pfn: number) => pageOf(KINDS[pfn % KINDS.length], pfn);
const zlib = () => openNodeCodec('zlib', PAGE);
const pages = (count: number): Extent => ({ start: 0, end: count * PAGE });

test('the header describes the dump', () => {
  const vmcore = machine([pages(9)], mixed);
  const { file } = dump(vmcore, { codec: zlib() });
  const { header, note, vmcoreinfo } = openKdump(file.bytes);
  expect(header).toMatchObject({
    ...UTSNAME,
    signature: 'KDUMP   ',
    headerVersion: 6,
    status: 1,
    blockSize: PAGE,
    subHdrSize: 1,
    bitmapBlocks: 2,
    maxMapnr: 9,
    maxMapnr64: 9,
    nrCpus: 2,
    tvSec: 1_700_000_000,
    physBase: 0xffff_ffff_ffff_f000n,
    dumpLevel: 1,
    split: 0,
    offsetNote: PAGE + 104,
    sizeEraseinfo: 0,
  });
  expect(note.toString()).toBe('note: VMCOREINFO=here.');
  expect(vmcoreinfo).toBe('VMCOREINFO=here.');
});

describe('every page is read back', () => {
  test.each([0, 1])('at level %i, with a codec and without', dumpLevel => {
    const vmcore = machine([pages(40)], mixed);
    for (const codec of [zlib(), openNodeCodec('zstd', PAGE), undefined]) {
      const { file, result } = dump(vmcore, { dumpLevel, ...(codec && { codec }) });
      const read = openKdump(file.bytes);
      for (let pfn = 0; pfn < 40; pfn++) expect(read.readPage(pfn), `pfn ${pfn}`).toEqual(mixed(pfn));
      expect(result.counts).toMatchObject({
        pagesPresent: 40,
        pagesDumped: 40,
        pagesZero: dumpLevel === 1 ? 10 : 0,
        pagesUnreadable: 0,
        bytesWritten: file.bytes.length,
      });
      expect(read.dataEnd).toBe(file.bytes.length);
    }
  });

  test.each([1, 7, 8, 9, 1023, 1024, 1025])('of %i pages', count => {
    const { file, result } = dump(machine([pages(count)], mixed), { codec: zlib() });
    const read = openKdump(file.bytes);
    expect(result.counts.pagesDumped).toBe(count);
    for (const pfn of [0, 1, count - 2, count - 1].filter(pfn => pfn >= 0 && pfn < count)) {
      expect(read.readPage(pfn)).toEqual(mixed(pfn));
    }
    expect(read.isPresent(count)).toBe(false);
  });
});

describe('zero pages', () => {
  test('stay in bitmap2 and share one descriptor and one stored page', () => {
    const { file, result } = dump(
      machine([pages(300)], () => pageOf('zero', 0)),
      { codec: zlib() },
    );
    const read = openKdump(file.bytes);
    expect(result.counts).toMatchObject({ pagesZero: 300, pagesDumped: 300, pagesUncompressed: 0 });
    expect(read.isDumpable(299)).toBe(true);
    const first = read.descriptor(0);
    expect(first).toEqual({ offset: result.layout.dataOffset, size: PAGE, flags: 0 });
    expect(read.descriptor(299)).toEqual(first);
    expect(file.bytes.length).toBe(result.layout.dataOffset + PAGE);
  });

  test('are stored one by one at level 0', () => {
    const { file, result } = dump(
      machine([pages(3)], () => pageOf('zero', 0)),
      { dumpLevel: 0 },
    );
    expect(result.counts).toMatchObject({ pagesZero: 0, pagesUncompressed: 3 });
    expect(file.bytes.length).toBe(result.layout.dataOffset + 3 * PAGE);
  });
});

test('an incompressible page is stored uncompressed, with flags 0', () => {
  const { file, result } = dump(
    machine([pages(2)], pfn => pageOf('noise', pfn)),
    { codec: zlib() },
  );
  const read = openKdump(file.bytes);
  expect(read.descriptor(1)).toMatchObject({ size: PAGE, flags: 0 });
  expect(read.readPage(1)).toEqual(pageOf('noise', 1));
  expect(result.counts.pagesUncompressed).toBe(2);
});

describe('segments', () => {
  test('with holes between them: holes are in neither bitmap', () => {
    const extents = [
      { start: 2 * PAGE, end: 5 * PAGE },
      { start: 6 * PAGE, end: 7 * PAGE },
      { start: 5000 * PAGE, end: 5003 * PAGE },
    ];
    const { file, result } = dump(machine(extents, mixed), { codec: zlib() });
    const read = openKdump(file.bytes);
    expect(result.counts).toMatchObject({ pagesPresent: 7, pagesDumped: 7 });
    for (const pfn of [2, 4, 6, 5000, 5002]) expect(read.readPage(pfn)).toEqual(mixed(pfn));
    for (const pfn of [0, 1, 5, 7, 4999, 5003]) {
      expect(read.isPresent(pfn)).toBe(false);
      expect(read.readPage(pfn)).toBe('excluded');
    }
  });

  test.each([-1, 0, 1])('edges %i byte off a page are filled with zeros', off => {
    const extents = [{ start: 3 * PAGE + off, end: 8 * PAGE + off }];
    const { file } = dump(
      machine(extents, pfn => pageOf('noise', pfn)),
      { codec: zlib() },
    );
    const read = openKdump(file.bytes);
    for (let pfn = 0; pfn < 10; pfn++) {
      const wanted = Buffer.alloc(PAGE);
      const from = Math.max(extents[0].start, pfn * PAGE);
      const to = Math.min(extents[0].end, (pfn + 1) * PAGE);
      if (from < to) pageOf('noise', pfn).copy(wanted, from % PAGE, from % PAGE, (from % PAGE) + to - from);
      expect(read.readPage(pfn), `pfn ${pfn}`).toEqual(from < to ? wanted : 'excluded');
    }
  });

  test('two that meet within a page make one page', () => {
    const middle = 4 * PAGE + 100;
    const extents = [
      { start: 3 * PAGE, end: middle },
      { start: middle, end: 6 * PAGE },
    ];
    const { file, result } = dump(machine(extents, pfn => pageOf('noise', pfn)));
    expect(openKdump(file.bytes).readPage(4)).toEqual(pageOf('noise', 4));
    expect(result.counts.pagesPresent).toBe(3);
  });

  test('a dumpable page that the file lacks is zeros, with a warning', () => {
    const vmcore = machine([{ start: 0, end: 4 * PAGE, fileBytes: 2 * PAGE }], mixed);
    const warnings: string[] = [];
    const { file, result } = dump(vmcore, {}, { onWarning: text => warnings.push(text) });
    expect(openKdump(file.bytes).readPage(3)).toEqual(Buffer.alloc(PAGE));
    expect(result.counts.pagesUnreadable).toBe(2);
    expect(warnings).toEqual([
      'page 2 is written as zeros: the vmcore does not hold it',
      'page 3 is written as zeros: the vmcore does not hold it',
    ]);
  });
});

describe('bitmap2', () => {
  test('decides which pages are kept, for runs of any shape', () => {
    const vmcore = machine([pages(400)], mixed);
    const bitmap2 = everyPage(vmcore);
    const kept = (pfn: number) => pfn % 7 !== 0 && pfn % 31 < 17 && (pfn < 100 || pfn > 300);
    for (let pfn = 0; pfn < 400; pfn++) if (!kept(pfn)) bitmap2.clear(pfn);
    const { file, result } = dump(vmcore, { bitmap2, codec: zlib() });
    const read = openKdump(file.bytes);
    for (let pfn = 0; pfn < 400; pfn++) {
      expect(read.readPage(pfn), `pfn ${pfn}`).toEqual(kept(pfn) ? mixed(pfn) : 'excluded');
      expect(read.isPresent(pfn)).toBe(true);
    }
    expect(result.counts.pagesDumped).toBe(bitmap2.count());
  });

  test('without set bits makes a dump without pages', () => {
    const vmcore = machine([pages(4)], mixed);
    const bitmap2 = everyPage(vmcore);
    bitmap2.clearRange(0, 4);
    const { file, result } = dump(vmcore, { bitmap2 });
    expect(result.counts.pagesDumped).toBe(0);
    expect(openKdump(file.bytes).readPage(0)).toBe('excluded');
  });

  // One bitmap block of 4 KiB holds 32768 pages; page size 4096 and a machine of 128 MiB.
  test.each([
    [32767, 2],
    [32768, 2],
    [32769, 4],
  ])('of %i pages takes %i blocks with bitmap1', (count, blocks) => {
    const last = { start: (count - 1) * PAGE, end: count * PAGE };
    const { file } = dump(machine([pages(1), last], mixed));
    const read = openKdump(file.bytes);
    expect(read.header.bitmapBlocks).toBe(blocks);
    expect(read.readPage(count - 1)).toEqual(mixed(count - 1));
  });

  test('bitmap1 of several chunks', () => {
    const far = 8 * (1 << 20) + 3; // pfns behind the first MiB of bitmap
    const extents = [
      { start: 5 * PAGE, end: 6 * PAGE },
      { start: (far - 5) * PAGE, end: far * PAGE },
    ];
    const { result, file } = dump(machine(extents, mixed));
    expect(result.counts.pagesPresent).toBe(6);
    const bitmap1 = file.bytes.subarray(result.layout.bitmap1Offset, result.layout.bitmap2Offset);
    const bitmap2 = file.bytes.subarray(result.layout.bitmap2Offset, result.layout.descriptorsOffset);
    expect(bitmap1.equals(bitmap2)).toBe(true);
    expect(bitmap1[far >> 3]).toBe(0b111);
    expect(bitmap1[(far >> 3) - 1]).toBe(0b1100_0000);
  });
});

describe('pages that cannot be read', () => {
  const vmcoreWithBadPage = () => {
    const vmcore = machine([pages(50)], mixed);
    vmcore.source.badOffsets.add(PAGE + 20 * PAGE + 77);
    return vmcore;
  };

  test.each([0, 1])('are zeros and counted, their neighbours are intact (level %i)', dumpLevel => {
    const warnings: string[] = [];
    const { file, result } = dump(
      vmcoreWithBadPage(),
      { codec: zlib(), dumpLevel },
      { onWarning: text => warnings.push(text) },
    );
    const read = openKdump(file.bytes);
    for (let pfn = 0; pfn < 50; pfn++) {
      expect(read.readPage(pfn), `pfn ${pfn}`).toEqual(pfn === 20 ? Buffer.alloc(PAGE) : mixed(pfn));
    }
    expect(result.counts.pagesUnreadable).toBe(1);
    expect(result.counts.pagesZero).toBe(dumpLevel === 1 ? 13 : 0);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/page 20 .*EIO/);
  });

  test('through windows are read one by one', () => {
    const vmcore = machine([pages(50)], mixed);
    vmcore.source.windowsFail = true;
    const { file, result } = dump(vmcore, { codec: zlib() });
    expect(openKdump(file.bytes).readPage(49)).toEqual(mixed(49));
    expect(result.counts.pagesUnreadable).toBe(0);
  });

  test('warnings are bounded', () => {
    const vmcore = machine([pages(200)], mixed);
    for (let pfn = 0; pfn < 200; pfn++) vmcore.source.badOffsets.add(PAGE + pfn * PAGE);
    const warnings: string[] = [];
    const { result } = dump(vmcore, {}, { onWarning: text => warnings.push(text) });
    expect(result.counts.pagesUnreadable).toBe(200);
    expect(warnings).toHaveLength(17);
    expect(warnings.at(-1)).toBe('200 pages in all are written as zeros');
  });
});

describe('a dump that is cut', () => {
  const vmcore = machine([pages(4000)], pfn => pageOf(pfn % 2 ? 'noise' : 'text', pfn));

  test('is marked incomplete until the last write, which follows a sync', () => {
    const { file } = dump(vmcore);
    const last = file.writes.at(-1)!;
    expect(last).toEqual({ offset: 0, lengthBytes: 464, syncsBefore: 1 });
    expect(file.writes.slice(0, -1).every(write => write.syncsBefore === 0)).toBe(true);
    expect(openKdump(file.bytes).header.status & 8).toBe(0);
  });

  test.each([0.3, 0.5, 0.9])(
    'at %f of its size by a full disk is incomplete and right as far as it goes',
    part => {
      const { file: whole, result } = dump(vmcore, { codec: zlib() });
      const file = new MemoryFile(Math.floor(whole.bytes.length * part));
      const codec = zlib();
      expect(() => writeDump(inputOf(vmcore, { codec }), file)).toThrow(
        expect.objectContaining({ code: 'ENOSPC' }),
      );
      const read = openKdump(file.bytes);
      expect(read.header.status).toBe(8 | 1);
      let missing = 0;
      for (let pfn = 0; pfn < 4000; pfn += 13) {
        const page = read.readPage(pfn);
        if (page === 'missing') missing++;
        else expect(page, `pfn ${pfn}`).toEqual(pageOf(pfn % 2 ? 'noise' : 'text', pfn));
      }
      expect(missing).toBeGreaterThan(0);
      expect(missing).toBeLessThan((4000 / 13) * (1.3 - part));
      expect(result.counts.bytesWritten).toBe(whole.bytes.length);
    },
  );
});

test('data is written in large writes', () => {
  const { file, result } = dump(machine([pages(4000)], pfn => pageOf('noise', pfn)));
  const data = file.writes.filter(write => write.offset >= result.layout.dataOffset);
  for (const write of data.slice(0, -1)) expect(write.lengthBytes).toBeGreaterThanOrEqual(DATA_CHUNK_BYTES);
});

test('more zero pages than the descriptor buffer has room for', () => {
  const { file, result } = dump(machine([pages(40_000)], () => pageOf('zero', 0)));
  expect(result.counts.pagesZero).toBe(40_000);
  expect(openKdump(file.bytes).readPage(39_999)).toEqual(Buffer.alloc(PAGE));
});

test('progress reaches the end and never goes back', () => {
  const seen: number[] = [];
  dump(machine([pages(3000)], mixed), {}, { onProgress: (done, total) => seen.push(done, total) });
  const done = seen.filter((_, i) => i % 2 === 0);
  expect(done).toEqual([...done].sort((a, b) => a - b));
  expect(seen.slice(-2)).toEqual([3000, 3000]);
  expect(done.length).toBeGreaterThan(2);
});

test('notes that just fit into the sub header block, and one byte more', () => {
  for (const [noteBytes, blocks] of [
    [PAGE - 104, 1],
    [PAGE - 103, 2],
    [0, 1],
  ]) {
    const vmcore = machine([pages(2)], mixed, { noteBytes: Buffer.alloc(noteBytes, 'n') });
    const { file } = dump(vmcore);
    const { header, note, readPage } = openKdump(file.bytes);
    expect(header.subHdrSize).toBe(blocks);
    expect(header.offsetNote).toBe(noteBytes === 0 ? 0 : PAGE + 104);
    expect(note.length).toBe(noteBytes);
    expect(readPage(0)).toEqual(mixed(0));
  }
});

test('smaller writes, for want of memory, make the same file', () => {
  const vmcore = machine([pages(40)], mixed);
  const usual = dump(vmcore, { codec: zlib() });
  const small = dump(vmcore, { codec: zlib(), chunkBytes: PAGE });
  expect(small.file.writes.length).toBeGreaterThan(usual.file.writes.length + 5);
  expect(Buffer.compare(small.file.bytes, usual.file.bytes)).toBe(0);
  const zeros = machine([pages(1000)], () => pageOf('zero', 0));
  const [whole, pieces] = [dump(zeros), dump(zeros, { chunkBytes: 4 * PAGE })];
  expect(pieces.file.writes.length).toBeGreaterThan(whole.file.writes.length + 2);
  expect(Buffer.compare(pieces.file.bytes, whole.file.bytes)).toBe(0);
});
