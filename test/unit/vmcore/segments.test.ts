import { describe, expect, it } from 'vitest';
import { type ProgramHeader, PT_LOAD, PT_NOTE } from '../../../capture/vmcore/elf.ts';
import { buildSegments, pfnRanges, SegmentIndex } from '../../../capture/vmcore/segments.ts';

const FILE_BYTES = 0x100000;

function load(
  paddr: number | bigint,
  memsz: number | bigint,
  offset: number | bigint,
  filesz = memsz,
): ProgramHeader {
  return {
    p_type: PT_LOAD,
    p_flags: 7,
    p_offset: BigInt(offset),
    p_vaddr: 0n,
    p_paddr: BigInt(paddr),
    p_filesz: BigInt(filesz),
    p_memsz: BigInt(memsz),
    p_align: 0n,
  };
}

const build = (...headers: ProgramHeader[]) => buildSegments(headers, FILE_BYTES);
const shown = (...headers: ProgramHeader[]) =>
  build(...headers).segments.map(s => [s.start, s.end, s.fileOffset, s.fileBytes]);

describe('buildSegments', () => {
  it('sorts the PT_LOADs and leaves the others out', () => {
    const { segments, warnings } = build(
      load(0x9000, 0x1000, 0x3000),
      { ...load(0, 0x1000, 0), p_type: PT_NOTE },
      load(0x1000, 0x2000, 0x1000),
      load(0x7000, 0, 0),
    );
    expect(segments.map(s => s.start)).toEqual([0x1000, 0x9000]);
    expect(warnings).toEqual([]);
  });

  it('folds the kernel image into the System RAM around it, without a warning', () => {
    const ram = load(0x1000, 0x8000, 0x4000);
    for (const image of [
      load(0x1000, 0x8000, 0x4000),
      load(0x3000, 0x2000, 0x6000),
      load(0x1000, 0x800, 0x4000),
    ]) {
      const { segments, warnings } = build(image, ram);
      expect(segments).toEqual([{ start: 0x1000, end: 0x9000, fileOffset: 0x4000, fileBytes: 0x8000 }]);
      expect(warnings).toEqual([]);
    }
  });

  it('takes addresses up to 2^52, and reports memory that it cannot take', () => {
    const top = load(2n ** 52n - 0x1000n, 0x1000, 0);
    expect(build(top)).toMatchObject({ segments: [{ end: 2 ** 52 }], warnings: [], lacksMemory: false });
    expect(build(top, load(2n ** 52n, 0x1000, 0)).lacksMemory).toBe(true);
    // Without a physical address there is no memory that is lacking.
    expect(build(top, load(2n ** 64n - 1n, 0x1000, 0)).lacksMemory).toBe(false);
  });

  it('drops a PT_LOAD that no memory can have, and misses nothing by it', () => {
    // As kexec-tools writes it on Debian's arm64 6.1, in this case with 512 MiB.
    const absurd = load(0x5c84eda00000n, 0xffffa37b542a0000n, 0x1000, 0xffffa37b542a0000n);
    const { segments, warnings, lacksMemory } = build(load(0x40000000, 0x1000, 0x9000), absurd);
    expect(segments.map(({ start }) => start)).toEqual([0x40000000]);
    expect(warnings).toEqual([
      expect.stringContaining('covers 0xffffa37b542a0000 bytes from 0x5c84eda00000 on'),
    ]);
    expect(lacksMemory).toBe(false);
    // One that the file has a possible part of is memory whose size was damaged.
    expect(build(load(0x40000000, 0xffffa37b542a0000n, 0x9000, 0x1000)).lacksMemory).toBe(true);
  });

  it('an absurd size costs its own PT_LOAD at most', () => {
    const real = load(0x100000, 0x8000, 0x1000);
    const { segments, warnings, lacksMemory } = build(load(0x1000, 2n ** 51n, 0x9000, 0x1000), real);
    expect(segments.map(({ start, end }) => [start, end])).toEqual([
      [0x1000, 0x2000],
      [0x100000, 0x108000],
    ]);
    expect([warnings.length, lacksMemory]).toEqual([1, true]);
  });

  it('takes no more memory than the file can hold', () => {
    const headers = Array.from({ length: 1000 }, (_, i) => load(i * 2 ** 32, FILE_BYTES / 2, 0));
    const { segments, warnings, lacksMemory } = build(...headers);
    expect(segments).toHaveLength(2);
    expect(warnings).toEqual(['998 PT_LOADs ignored: they cover more memory than there can be']);
    expect(lacksMemory).toBe(true);
  });

  it('clips the upper of two that overlap', () => {
    const headers = [load(0x1000, 0x2000, 0x1000), load(0x2000, 0x2000, 0x8000)];
    expect(shown(...headers)).toEqual([
      [0x1000, 0x3000, 0x1000, 0x2000],
      [0x3000, 0x4000, 0x9000, 0x1000],
    ]);
    expect(build(...headers).warnings).toEqual([
      'two PT_LOADs cover 0x2000 to 0x3000; the lower one is used',
    ]);
  });

  it.each([
    ['that wraps', load(2n ** 64n - 0x1000n, 0x2000, 0)],
    ['past 2^53', load(2n ** 53n, 0x1000, 0)],
    ['that ends past 2^53', load(2n ** 53n - 0x1000n, 0x2000, 0)],
    ['without a physical address', load(2n ** 64n - 1n, 0x1000, 0)],
    ['of 2^64 bytes', load(0, 2n ** 64n - 1n, 0)],
  ])('drops one %s and keeps the rest', (_, absurd) => {
    const { segments, warnings } = build(absurd, load(0x1000, 0x1000, 0));
    expect(segments.map(s => s.start)).toEqual([0x1000]);
    expect(warnings).toEqual([expect.stringContaining('PT_LOAD in program header 0: ignored')]);
  });

  it.each([
    [FILE_BYTES - 0x1000, 0x1000, 0],
    [FILE_BYTES - 0xfff, 0xfff, 1],
    [FILE_BYTES, 0, 1],
    [FILE_BYTES + 1, 0, 1],
    [2n ** 64n - 1n, 0, 1],
  ])('at file offset %s holds %i bytes', (offset, fileBytes, warned) => {
    const { segments, warnings } = build(load(0x1000, 0x1000, offset));
    expect(segments[0]).toMatchObject({ start: 0x1000, end: 0x2000, fileBytes });
    expect(warnings).toHaveLength(warned);
  });

  it('distinguishes the memory by p_memsz from what the file holds', () => {
    expect(shown(load(0x1000, 0x3000, 0, 0x1800))).toEqual([[0x1000, 0x4000, 0, 0x1800]]);
    expect(shown(load(0x1000, 0x1000, 0, 2n ** 64n - 1n))).toEqual([[0x1000, 0x2000, 0, 0x1000]]);
  });
});

describe('pfnRanges', () => {
  it.each([
    [[[0x1000, 0x2000]], [[1, 2]]],
    [[[0x1001, 0x2000]], [[1, 2]]],
    [[[0x1fff, 0x2001]], [[1, 3]]],
    [[[0, 1]], [[0, 1]]],
    [[[0x1000, 0x2fff]], [[1, 3]]],
    [
      [
        [0x1000, 0x1800],
        [0x1800, 0x2000],
      ],
      [[1, 2]],
    ],
    [
      [
        [0x1000, 0x1400],
        [0x1c00, 0x3000],
      ],
      [[1, 3]],
    ],
    [
      [
        [0x1000, 0x2000],
        [0x2000, 0x3000],
      ],
      [[1, 3]],
    ],
    [
      [
        [0x1000, 0x2000],
        [0x3000, 0x4000],
      ],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [[[2 ** 40 - 0x1000, 2 ** 40]], [[2 ** 28 - 1, 2 ** 28]]],
  ])('%j are the pages %j', (bytes, pfns) => {
    const segments = bytes.map(([start, end]) => ({
      start: start!,
      end: end!,
      fileOffset: 0,
      fileBytes: end! - start!,
    }));
    expect(pfnRanges(segments, 4096).map(r => [r.start, r.end])).toEqual(pfns);
  });

  it('tells memory from what the file holds of it', () => {
    const segments = [
      { start: 0x1000, end: 0x5000, fileOffset: 0, fileBytes: 0x1001 },
      { start: 0x8000, end: 0x9000, fileOffset: 0, fileBytes: 0 },
    ];
    expect(pfnRanges(segments, 4096)).toEqual([
      { start: 1, end: 5 },
      { start: 8, end: 9 },
    ]);
    expect(pfnRanges(segments, 4096, 'file')).toEqual([{ start: 1, end: 3 }]);
  });
});

describe('SegmentIndex', () => {
  const index = new SegmentIndex(
    build(load(0x1000, 0x2000, 0x100), load(0x4000, 0x1000, 0x5000, 0x800), load(0x9000, 0x1000, 0x9000))
      .segments,
  );

  it.each([
    [0, undefined, 0],
    [0xfff, undefined, 0],
    [0x1000, 0x100, 0x2000],
    [0x2fff, 0x20ff, 1],
    [0x3000, undefined, 0],
    [0x4000, 0x5000, 0x800],
    [0x47ff, 0x57ff, 1],
    [0x4800, undefined, 0],
    [0x9fff, 0x9fff, 1],
    [0xa000, undefined, 0],
    [2 ** 53, undefined, 0],
  ])('paddr %s is at %s for %i bytes', (paddr, offset, runBytes) => {
    // From each segment as the last hit.
    for (const before of [0x1000, 0x4000, 0x9000, 0x3000]) {
      index.at(before);
      expect(index.fileOffset(paddr)).toBe(offset);
      index.at(before);
      expect(index.fileRunBytes(paddr)).toBe(runBytes);
    }
  });

  it('skips holes', () => {
    expect(index.atOrAfter(0)?.start).toBe(0x1000);
    expect(index.atOrAfter(0x3000)?.start).toBe(0x4000);
    expect(index.atOrAfter(0x4fff)?.start).toBe(0x4000);
    expect(index.atOrAfter(0xa000)).toBeUndefined();
    expect(index.maxPaddr).toBe(0xa000);
    expect(new SegmentIndex([]).maxPaddr).toBe(0);
    expect(new SegmentIndex([]).at(0)).toBeUndefined();
  });

  it('agrees with a search one by one', () => {
    const headers = Array.from({ length: 100 }, (_, i) =>
      load(i * 0x3000 + (i % 7) * 0x100, 0x1000 + (i % 5) * 0x300, i),
    );
    const many = new SegmentIndex(buildSegments(headers, 2 ** 30).segments);
    for (let paddr = 0; paddr < 100 * 0x3000; paddr += 0x80) {
      const slow = many.segments.find(s => paddr >= s.start && paddr < s.end);
      if (many.at(paddr) !== slow) expect.fail(`at 0x${paddr.toString(16)}`);
    }
  });
});
