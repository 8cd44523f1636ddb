import { describe, expect, test } from 'vitest';
import { openPageCodecs } from '../../../../capture/codecs/decompressors.ts';
import { openCodec } from '../../../../capture/codecs/open.ts';
import { CODECS } from '../../../../capture/codecs/table.ts';
import { openFfi } from '../../../../capture/ffi/library.ts';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import { RankIndex } from '../../../../capture/kdump/read/rank.ts';
import { openKdumpVmcore } from '../../../../capture/kdump/read/vmcore.ts';
import { type DumpInput, writeDump } from '../../../../capture/kdump/write/writer.ts';
import { readPhysical } from '../../../../capture/vmcore/open.ts';
import { pfnRanges } from '../../../../capture/vmcore/segments.ts';
import { MemorySource } from '../../../support/vmcore-builder.ts';
import { everyPage, inputOf, KINDS, MemoryFile, machine, PAGE, pageOf } from '../fixture.ts';

const ffi = openFfi();
const mixed = (pfn: number) => pageOf(KINDS[pfn % KINDS.length], pfn);
const extents = [
  { start: 2 * PAGE, end: 40 * PAGE },
  { start: 100 * PAGE, end: 700 * PAGE },
];
const vmcore = machine(extents, mixed);

function dumpOf(changes: Partial<DumpInput> = {}): Buffer {
  const file = new MemoryFile();
  writeDump(inputOf(vmcore, changes), file);
  return file.bytes;
}

function open(bytes: Uint8Array, withFfi = true) {
  return openKdumpVmcore(new MemorySource(bytes, 'DUMP'), openPageCodecs(withFfi ? ffi : undefined));
}

/** Of every page below 720: what a reader of physical memory gets. */
function memoryOf(opened: ReturnType<typeof open>): (Buffer | undefined)[] {
  return Array.from({ length: 720 }, (_, pfn) => {
    const page = Buffer.alloc(PAGE);
    return readPhysical(opened.vmcore, pfn * PAGE, page) === PAGE ? page : undefined;
  });
}

describe.each([{ name: 'none' as const }, ...CODECS])('$name', ({ name }) => {
  const codec = () => openCodec(ffi, { name, pageSizeBytes: PAGE });
  test('every page is read back, through windows too', () => {
    const opened = open(dumpOf({ codec: codec() }));
    const memory = memoryOf(opened);
    for (let pfn = 0; pfn < 720; pfn++) {
      const exists = everyPage(vmcore).has(pfn);
      expect(memory[pfn], `pfn ${pfn}`).toEqual(exists ? mixed(pfn) : undefined);
    }
    const window = opened.vmcore.source.window(101 * PAGE + 5, 300 * PAGE);
    expect(Buffer.from(window.subarray(PAGE - 5, 2 * PAGE - 5))).toEqual(mixed(102));
    opened.close();
  });

  test('dumping it again gives the same bytes', () => {
    const first = dumpOf({ codec: codec() });
    const { vmcore: again } = open(first);
    const second = new MemoryFile();
    writeDump({ ...inputOf(vmcore, { codec: codec() }), vmcore: again }, second);
    expect(second.bytes.equals(first)).toBe(true);
  });
});

test.each(CODECS)('$name without the FFI is read by Node, or refused with what is missing', row => {
  const opened = open(dumpOf({ codec: openCodec(ffi, { name: row.name, pageSizeBytes: PAGE }) }), false);
  if ('inNode' in row) expect(memoryOf(opened)[104]).toEqual(mixed(104));
  else expect(() => memoryOf(opened)).toThrow(`Cannot decompress ${row.name}: Node has no such codec`);
});

test('omitted pages stay omitted, and exist in the segments', () => {
  const bitmap2 = everyPage(vmcore);
  for (const [start, end] of [
    [2, 5],
    [38, 40],
    [200, 300],
    [650, 651],
  ])
    bitmap2.clearRange(start, end);
  const opened = open(dumpOf({ bitmap2 }));
  const { segments } = opened.vmcore.segments;
  expect(pfnRanges(segments, PAGE)).toEqual([
    { start: 2, end: 40 },
    { start: 100, end: 700 },
  ]);
  expect(pfnRanges(segments, PAGE, 'file')).toEqual([
    { start: 5, end: 38 },
    { start: 100, end: 200 },
    { start: 300, end: 650 },
    { start: 651, end: 700 },
  ]);
  const memory = memoryOf(opened);
  for (let pfn = 0; pfn < 720; pfn++) expect(memory[pfn] !== undefined, `pfn ${pfn}`).toBe(bitmap2.has(pfn));
});

test('an incomplete dump gives the pages that it has, with a warning', () => {
  const whole = dumpOf();
  const file = new MemoryFile(Math.floor(whole.length * 0.6));
  expect(() => writeDump(inputOf(vmcore), file)).toThrow('full');
  const cut = Buffer.from(whole.subarray(0, Math.floor(whole.length * 0.6)));
  cut.writeUInt32LE(8, 424);
  const opened = open(cut);
  expect(opened.vmcore.warnings.join()).toMatch(/it lacks [1-9]\d* of 638 pages/);
  const memory = memoryOf(opened);
  for (const [pfn, page] of memory.entries()) if (page) expect(page, `pfn ${pfn}`).toEqual(mixed(pfn));
  expect(memory.filter(page => page).length).toBeGreaterThan(300);
});

test.each(CODECS)('damaged bytes of a page are an error that names it: $name', ({ name }) => {
  const bytes = dumpOf({ codec: openCodec(ffi, { name, pageSizeBytes: PAGE }) });
  const opened = open(bytes);
  const text = everyPage(vmcore).nextSet(4); // a page of text, which is compressed
  const rank = new RankIndex(opened.file.bitmap2).of(text);
  const descriptor = opened.file.descriptorsOffset + rank * 24;
  const flags = bytes.readUInt32LE(descriptor + 12);
  expect(flags).not.toBe(0);
  bytes.writeUInt32LE(bytes.readUInt32LE(descriptor + 8) - 3, descriptor + 8);
  expect(() => memoryOf(open(bytes))).toThrow(`Cannot read page ${text} of DUMP`);
  bytes.writeUInt32LE(0x40, descriptor + 12);
  expect(() => memoryOf(open(bytes))).toThrow('flags are 0x40');
  bytes.writeUInt32LE(0x7fff_ffff, descriptor + 8);
  expect(() => memoryOf(open(bytes))).toThrow('its descriptor is damaged');
});

test('the rank of a page is the number of kept pages before it', () => {
  const bitmap = Bitmap.create(20_000);
  for (let pfn = 0; pfn < 20_000; pfn++) if ((pfn * pfn) % 7 < 3) bitmap.set(pfn);
  const ranks = new RankIndex(bitmap);
  let rank = 0;
  for (let pfn = 0; pfn < 20_000; pfn++) {
    expect(ranks.of(pfn)).toBe(rank);
    if (bitmap.has(pfn)) rank++;
  }
});
