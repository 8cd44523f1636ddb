/** The engine on a machine of 1 TB, whose vmcore is a file with holes (`npm run scale` measures it by size). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openNoneCodec } from '../../../capture/codecs/codec.ts';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import { planLayout } from '../../../capture/kdump/format/layout.ts';
import { choosePages, crashFacts } from '../../../capture/kdump/write/input.ts';
import { writeDump } from '../../../capture/kdump/write/writer.ts';
import { openCrash } from '../../../capture/kernel/crash.ts';
import { type OpenFile, openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { SparseFile } from '../../fuzz/sparse-file.ts';
import { writeSparseMachine } from '../../scale/sparse-machine.ts';

const TIB = 2 ** 40;
const USED_SECTIONS = 2;
const CACHE_PER_CHUNK = 256;
const CHUNKS = (USED_SECTIONS * 2 ** 15) / 1024;

let dir: string;
let source: OpenFile;
let kept: number;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-scale-test-'));
  const path = join(dir, 'vmcore');
  kept = writeSparseMachine({ path, sizeBytes: TIB, usedSections: USED_SECTIONS });
  // Mapped, as /proc/vmcore is: struct pages within a free block are not even read then.
  source = openVmcoreFile(path, openLibc(openFfi()));
});
afterAll(() => {
  source.close();
  rmSync(dir, { recursive: true });
});

test('1 TB: every page is classified, and the few that matter are kept', { timeout: 60_000 }, () => {
  const crash = openCrash(source);
  expect(crash.warnings).toEqual([]);
  const started = process.cpuUsage();
  const choice = choosePages(crash, 31);
  expect(choice.warnings).toEqual([]);
  const { pages, bitmap2 } = choice;
  expect(bitmap2.sizeBits).toBe(TIB / 4096 + 2 ** 18);
  expect(pages).toMatchObject({ kernel: kept, cache: CHUNKS * CACHE_PER_CHUNK });
  expect(Object.values(pages!).reduce((sum, count) => sum + count)).toBe(TIB / 4096);
  expect(bitmap2.count()).toBe(kept);

  const file = new SparseFile();
  const input = { ...crashFacts(crash), bitmap2, dumpLevel: 31, codec: openNoneCodec() };
  const { counts, layout } = writeDump({ ...input, digestAlgorithm: 'none' }, file);
  expect(counts).toMatchObject({ pagesPresent: TIB / 4096, pagesDumped: kept, pagesUnreadable: 0 });
  expect(layout.bitmapBytes).toBe(TIB / 4096 / 8 + 2 ** 15);
  expect(file.sizeBytes).toBe(counts.bytesWritten);
  // Two seconds: the cost is that of the blocks, not of the pages.
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1e6).toBeLessThan(15);
});

test('12 TiB: where everything is in the file, and bits at the far end', () => {
  const max_mapnr = (12 * TIB) / 4096;
  const layout = planLayout({ pageSizeBytes: 4096, max_mapnr, noteBytes: 4096, dumpablePages: max_mapnr });
  expect(layout.bitmapBytes).toBe(402_653_184);
  expect(layout.bitmap_blocks).toBe(196_608);
  expect(layout.bitmap2Offset).toBe(3 * 4096 + 402_653_184);
  expect(layout.descriptorsOffset).toBe(3 * 4096 + 805_306_368);
  expect(layout.dataOffset).toBe(layout.descriptorsOffset + max_mapnr * 24);
  // Untouched memory is no memory: only what is set and searched is there.
  const bitmap = Bitmap.create(max_mapnr, 4096);
  expect(bitmap.bytes.length).toBe(layout.bitmapBytes);
  for (const start of [2 ** 31 - 5, 2 ** 31, max_mapnr - 70]) {
    bitmap.setRange(start, start + 64);
    expect([bitmap.nextSet(start - 4000, start + 4000), bitmap.nextClear(start)]).toEqual([
      start,
      start + 64,
    ]);
    bitmap.clearRange(start, start + 64);
  }
});
