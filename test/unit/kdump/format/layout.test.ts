import { expect, test } from 'vitest';
import { DumpFormatError } from '../../../../capture/errors.ts';
import { decodePageDescriptor, encodePageDescriptor } from '../../../../capture/kdump/format/descriptor.ts';
import { planLayout } from '../../../../capture/kdump/format/layout.ts';

const BASE = { pageSizeBytes: 4096, max_mapnr: 1000, noteBytes: 100, dumpablePages: 10 };

test('regions adjoin', () => {
  expect(planLayout(BASE)).toEqual({
    block_size: 4096,
    sub_hdr_size: 1,
    bitmap_blocks: 2,
    offset_note: 4200,
    bitmapBytes: 4096,
    bitmap1Offset: 8192,
    bitmap2Offset: 12288,
    descriptorsOffset: 16384,
    dataOffset: 16384 + 240,
  });
});

test.each([
  [32768 - 1, 2],
  [32768, 2],
  [32768 + 1, 4],
  [0xf27a9, 62], // the 4 GB lab machine
  [3.2e9, 195314], // 12 TB
])('%f pages need %i blocks of bitmaps', (max_mapnr, blocks) => {
  expect(planLayout({ ...BASE, max_mapnr }).bitmap_blocks).toBe(blocks);
});

test.each([
  [4096 - 104, 1],
  [4096 - 103, 2],
])('%i bytes of notes make a sub header of %i blocks', (noteBytes, blocks) => {
  expect(planLayout({ ...BASE, noteBytes }).sub_hdr_size).toBe(blocks);
});

test('64 KiB pages are 64 KiB blocks', () => {
  const layout = planLayout({ ...BASE, pageSizeBytes: 65536 });
  expect(layout).toMatchObject({ bitmap1Offset: 131072, bitmapBytes: 65536, offset_note: 65640 });
});

test.each([
  { pageSizeBytes: 0 },
  { pageSizeBytes: 4097 },
  { pageSizeBytes: 131072 },
  { max_mapnr: 0 },
  { max_mapnr: Number.NaN },
  { max_mapnr: 2 ** 45 },
  { dumpablePages: 1001 },
])('%o is refused', change => {
  expect(() => planLayout({ ...BASE, ...change })).toThrow(DumpFormatError);
});

test.each([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 44 + 5])('a descriptor holds offset %i', offset => {
  const words = new Uint32Array(12).fill(0xffff_ffff);
  encodePageDescriptor(words, 6, offset, 4095, 0x20);
  const view = new DataView(words.buffer);
  expect(decodePageDescriptor(view, 24)).toEqual({ offset, size: 4095, flags: 0x20 });
  expect(view.getBigUint64(24, true)).toBe(BigInt(offset));
  expect(view.getBigUint64(40, true)).toBe(0n);
  expect(words[5]).toBe(0xffff_ffff);
});
