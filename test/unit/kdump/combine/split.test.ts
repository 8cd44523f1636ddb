import { describe, expect, test } from 'vitest';
import { openPageCodecs } from '../../../../capture/codecs/decompressors.ts';
import { openNodeCodec } from '../../../../capture/codecs/open.ts';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import { reassembleSteps } from '../../../../capture/kdump/combine/reassemble.ts';
import { splitPfns } from '../../../../capture/kdump/combine/split.ts';
import { openKdumpFile } from '../../../../capture/kdump/read/file.ts';
import { finish } from '../../../../capture/kdump/steps.ts';
import { writeDump } from '../../../../capture/kdump/write/writer.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { MemorySource } from '../../../support/vmcore-builder.ts';
import { dump, everyPage, inputOf, KINDS, MemoryFile, machine, PAGE, pageOf } from '../fixture.ts';

const PAGES = 1000;
const mixed = (pfn: number) => pageOf(KINDS[pfn % KINDS.length], pfn);
const vmcore = machine([{ start: 0, end: PAGES * PAGE }], mixed);
const zlib = () => openNodeCodec('zlib', PAGE);

/** A bitmap from lengths of runs: kept, left out, kept… */
function runs(...lengths: number[]): Bitmap {
  const bitmap = Bitmap.create(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    if (i % 2 === 0) bitmap.setRange(at, at + length);
    at += length;
  }
  return bitmap;
}

describe('division of the pages', () => {
  test.each<[string, Bitmap, number, number, string]>([
    ['even shares', runs(1000), 2, 100, '0-500 500-1000'],
    ['a block too large to divide', runs(1000), 3, 5000, '0-1000 1000-1000 1000-1000'],
    ['shares by what is kept, not by memory', runs(400, 400, 200), 2, 100, '0-300 300-1000'],
    ['a last block that is cut', runs(950), 2, 100, '0-500 500-950'],
    ['nothing kept', runs(0, 800), 2, 100, '0-0 0-800'],
    ['more files than pages', runs(2), 4, 1, '0-0 0-0 0-0 0-2'],
  ])('%s', (_, bitmap, parts, blockPages, expected) => {
    const ranges = splitPfns(bitmap, parts, blockPages);
    expect(ranges.map(({ start, end }) => `${start}-${end}`).join(' ')).toBe(expected);
  });
});

function pieces(dumpLevel: number, parts = 3): Buffer[] {
  const bitmap2 = everyPage(vmcore);
  return splitPfns(bitmap2, parts, 64).map(pfns => {
    const file = new MemoryFile();
    writeDump(inputOf(vmcore, { bitmap2, pfns, dumpLevel, codec: zlib(), digestAlgorithm: 'none' }), file);
    return file.bytes;
  });
}

function reassemble(files: readonly Buffer[]) {
  const file = new MemoryFile();
  const opened = files.map((bytes, i) => openKdumpFile(new MemorySource(bytes, `part ${i}`)));
  const counts = finish(reassembleSteps(opened, file, { codecs: openPageCodecs(undefined) }));
  return { file, counts };
}

test('the header of each file has its range of pages', () => {
  const headers = pieces(1).map(file => ({
    split: file.readInt32LE(PAGE + 12),
    pfns: [16, 24, 80, 88].map(at => Number(file.readBigUInt64LE(PAGE + at))),
  }));
  expect(headers).toEqual([
    { split: 1, pfns: [0, 384, 0, 384] },
    { split: 1, pfns: [384, 768, 384, 768] },
    { split: 1, pfns: [768, 1000, 768, 1000] },
  ]);
});

describe('reassembled', () => {
  test.each([0, 1])('in any order gives the same bytes as an undivided dump, at level %i', dumpLevel => {
    const whole = dump(vmcore, { dumpLevel, codec: zlib() }).file.bytes;
    const [a, b, c] = pieces(dumpLevel);
    expect(reassemble([c, a, b]).file.bytes.equals(whole)).toBe(true);
  });

  test.each<[string, () => Buffer[], string]>([
    ['the first is missing', () => pieces(1).slice(1), 'pages from 0 on'],
    ['the middle is missing', () => pieces(1).toSpliced(1, 1), 'pages from 384 on'],
    ['the last is missing', () => pieces(1).slice(0, 2), 'no file has the pages from 768 on'],
    ['one is there twice', () => [...pieces(1), pieces(1)[1]], 'pages from 768 on'],
    ['one is of another dump', () => pieces(1).with(1, pieces(0)[1]), 'another dump'],
    ['one is no split dump', () => [dump(vmcore).file.bytes, ...pieces(1)], 'not part of a split dump'],
  ])('refused: %s', (_, files, message) => {
    expect(() => reassemble(files())).toThrow(message);
  });

  test('with a cut file gives an incomplete dump of the remaining pages', () => {
    const [a, b, c] = pieces(1);
    const { file, counts } = reassemble([a, b.subarray(0, b.length - 30_000), c]);
    const read = openKdump(file.bytes);
    expect(counts.pagesMissing).toBeGreaterThan(0);
    expect(read.header.status & 8).toBe(8);
    let missing = 0;
    for (let pfn = 0; pfn < PAGES; pfn++) {
      const page = read.readPage(pfn);
      if (page === 'missing') missing++;
      else expect(page).toEqual(mixed(pfn));
    }
    expect(missing).toBe(counts.pagesMissing);
  });
});

test('reassembled from a file with a damaged page, the dump is incomplete and lacks that page', () => {
  const [a, b, c] = pieces(1) as [Buffer, Buffer, Buffer];
  const descriptor = (1 + b.readInt32LE(432) + b.readUInt32LE(436)) * PAGE;
  b[Number(b.readBigInt64LE(descriptor)) + 20]! ^= 1;
  const { file, counts } = reassemble([a, b, c]);
  expect(counts).toMatchObject({ pagesMissing: 1, pagesDamaged: 1, isIncomplete: true });
  const read = openKdump(file.bytes);
  expect(read.readPage(384)).toBe('missing');
  expect(read.readPage(386)).toEqual(mixed(386));
});

describe('damaged files', () => {
  const whole = dump(vmcore).file.bytes;
  const damaged = (at: number, value: number) => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(value, at);
    return new MemorySource(bytes);
  };
  test.each<[string, number, number]>([
    ['signature', 0, 0],
    ['version 0', 8, 0],
    ['version 7', 8, 7],
    ['block_size', 428, 4097],
    ['sub_hdr_size', 432, 0x7fff_ffff],
    ['bitmap_blocks 0', 436, 0],
    ['bitmap_blocks past the end', 436, 0xffff_fffe],
    ['max_mapnr_64', PAGE + 96, 0xffff_ffff],
    ['max_mapnr_64 past 2^53', PAGE + 100, 0xffff_ffff],
  ])('%s', (_, at, value) => {
    expect(() => openKdumpFile(damaged(at, value))).toThrow(/^Cannot read/);
  });

  test.each([0, 8, 463, 464, PAGE, PAGE + 103, 2 * PAGE, 3 * PAGE])('cut at byte %i', at => {
    expect(() => openKdumpFile(new MemorySource(whole.subarray(0, at)))).toThrow(/^Cannot read/);
  });
});
