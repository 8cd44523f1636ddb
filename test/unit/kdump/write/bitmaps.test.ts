/** Memory with holes of terabytes: a dump of a few pages is small on disk, and is read back as it was written. */
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openNoneCodec } from '../../../../capture/codecs/codec.ts';
import { planDump } from '../../../../capture/filter/plan.ts';
import { damagedRegions } from '../../../../capture/kdump/format/digest.ts';
import { openKdumpVmcore } from '../../../../capture/kdump/read/vmcore.ts';
import { bitmapHoles } from '../../../../capture/kdump/write/bitmaps.ts';
import { crashFacts } from '../../../../capture/kdump/write/input.ts';
import { writeDump } from '../../../../capture/kdump/write/writer.ts';
import { openCrash } from '../../../../capture/kernel/crash.ts';
import { openFileSink } from '../../../../capture/storage/place/file-sink.ts';
import { type OpenFile, openVmcoreFile } from '../../../../capture/vmcore/reader.ts';
import { buildVmcore, MemorySource } from '../../../support/vmcore-builder.ts';
import { MemoryFile } from '../fixture.ts';

const PAGE = 4096;
const TIB = 2 ** 40;
const page = (fill: number) => new Uint8Array(PAGE).fill(fill);

/** Eight pages at the start of memory, and one at its top. */
function crashWithTop(topBytes: number) {
  const low = { paddr: PAGE, bytes: Buffer.concat([1, 2, 3, 4, 5, 6, 7, 8].map(page)) };
  const high = { paddr: topBytes - PAGE, bytes: page(9) };
  return openCrash(new MemorySource(buildVmcore({ loads: [low, high] })));
}

function inputOf(topBytes: number) {
  const crash = crashWithTop(topBytes);
  const { bitmap2, lacksMemory } = planDump(crash, 0);
  expect([bitmap2.count(), lacksMemory]).toEqual([9, false]);
  return {
    ...crashFacts(crash),
    bitmap2,
    dumpLevel: 0,
    codec: openNoneCodec(),
    digestAlgorithm: 'crc32' as const,
  };
}

let folder: string;
let fd: number;
let file: OpenFile | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-holes-'));
  fd = openSync(join(folder, 'vmcore'), 'w+');
});
afterEach(() => {
  file?.close();
  file = undefined;
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

function write(topBytes: number) {
  const result = writeDump(
    inputOf(topBytes),
    openFileSink(fd, 'vmcore', { durable: false, allowsHoles: true }),
  );
  file = openVmcoreFile(join(folder, 'vmcore'), undefined);
  return { result, source: file, diskBytes: fstatSync(fd).blocks * 512 };
}

test('nine pages with the top at 15 TiB', () => {
  const { result, source, diskBytes } = write(15 * TIB);
  expect(source.sizeBytes).toBeGreaterThan(900 * 2 ** 20);
  expect(diskBytes).toBeLessThan(2 ** 20);
  expect(result.counts).toMatchObject({ pagesPresent: 9, pagesDumped: 9, bytesWritten: source.sizeBytes });
  expect(damagedRegions(source, result.digest)).toEqual([]);

  const { vmcore } = openKdumpVmcore(source, { open: () => expect.unreachable() } as never);
  expect(vmcore.segments.segments.map(({ start, end }) => [start, end])).toEqual([
    [PAGE, 9 * PAGE],
    [15 * TIB - PAGE, 15 * TIB],
  ]);
  const into = new Uint8Array(PAGE);
  vmcore.source.readAt(into, 15 * TIB - PAGE);
  expect(Buffer.compare(into, page(9))).toBe(0);
});

test('a top of 4 PiB takes no memory, disk or time for what is not there', () => {
  const { result, source, diskBytes } = write(4096 * TIB);
  expect(source.sizeBytes).toBeGreaterThan(2 ** 38);
  expect(diskBytes).toBeLessThan(2 ** 20);
  expect(result.counts).toMatchObject({ pagesPresent: 9, pagesDumped: 9 });
});

describe('holes', () => {
  const input = inputOf(15 * TIB);
  const { layout } = writeDump(input, { writeAt: () => {}, sync: () => {}, allowsHoles: true });
  const holes = bitmapHoles(layout, { segments: input.vmcore.segments.segments, bitmap2: input.bitmap2 });

  test('are within the bitmaps and not at their ends', () => {
    const [first, second] = holes;
    expect(holes).toHaveLength(2);
    expect(first.start).toBe(layout.bitmap1Offset + 65_536);
    expect(first.end).toBeLessThan(layout.bitmap2Offset);
    expect(second.start).toBe(layout.bitmap2Offset + 65_536);
    expect(second.end).toBeLessThan(layout.descriptorsOffset);
  });

  test('are all that is not written, where that is allowed; elsewhere they are written as zeros', () => {
    for (const allowsHoles of [true, false]) {
      const written: { start: number; end: number }[] = [];
      const sink = {
        allowsHoles,
        writeAt: (bytes: Uint8Array, offset: number) => {
          written.push({ start: offset, end: offset + bytes.length });
        },
        sync: () => {},
      };
      writeDump(input, sink);
      const inHole = written.filter(({ start, end }) =>
        holes.some(hole => start < hole.end && end > hole.start),
      );
      const bytes = inHole.reduce((sum, { start, end }) => sum + end - start, 0);
      const holeBytes = holes.reduce((sum, { start, end }) => sum + end - start, 0);
      expect(bytes).toBe(allowsHoles ? 0 : holeBytes);
    }
  });

  test('make no difference to the bytes of a dump', () => {
    const small = inputOf(20 * 2 ** 30);
    const [sparse, whole] = [new MemoryFile(), new MemoryFile()];
    const results = [
      writeDump(small, { writeAt: (b, o) => sparse.writeAt(b, o), sync: () => {}, allowsHoles: true }),
      writeDump(small, whole),
    ];
    expect(results[0].digest).toEqual(results[1].digest);
    expect(sparse.bytes.equals(whole.bytes)).toBe(true);
  });
});
