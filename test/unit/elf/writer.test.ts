import { describe, expect, test } from 'vitest';
import { planElf } from '../../../capture/elf/headers.ts';
import { type ElfCounts, elfSteps } from '../../../capture/elf/writer.ts';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import { rearrange } from '../../../capture/kdump/combine/rearrange.ts';
import { openFlattenedSink } from '../../../capture/kdump/format/flattened.ts';
import { finish } from '../../../capture/kdump/steps.ts';
import { openVmcore, type Vmcore } from '../../../capture/vmcore/open.ts';
import { pfnRanges } from '../../../capture/vmcore/segments.ts';
import { openElf } from '../../support/elf-reader.ts';
import { buildVmcore, type LoadSpec, MemorySource, type VmcoreSpec } from '../../support/vmcore-builder.ts';
import { MemoryFile, PAGE } from '../kdump/fixture.ts';

const GAP = 256;

/** Pages of a letter each; a dot is a zero page, a digit such as `3*x` repeats. */
function pages(text: string): Buffer {
  const letters = text.replaceAll(/(\d+)\*(.)/g, (_, count, letter) => letter.repeat(Number(count)));
  return Buffer.concat([...letters].map(letter => Buffer.alloc(PAGE, letter === '.' ? 0 : letter)));
}

function open(loads: readonly LoadSpec[], spec: Partial<VmcoreSpec> = {}): Vmcore {
  return openVmcore(new MemorySource(buildVmcore({ loads, ...spec })));
}

function everything({ segments, pageSizeBytes }: Vmcore): Bitmap {
  const ranges = pfnRanges(segments.segments, pageSizeBytes, 'file');
  const bitmap = Bitmap.create(Math.ceil(segments.maxPaddr / pageSizeBytes));
  for (const { start, end } of ranges) bitmap.setRange(start, end);
  return bitmap;
}

function write(vmcore: Vmcore, dumpLevel = 1, bitmap2 = everything(vmcore)) {
  const file = new MemoryFile();
  const warnings: string[] = [];
  const counts: ElfCounts = finish(
    elfSteps({ vmcore, bitmap2, dumpLevel }, file, { onWarning: text => void warnings.push(text) }),
  );
  expect(counts.bytesWritten).toBe(file.bytes.length);
  return { file, counts, warnings, elf: openElf(file.bytes) };
}

/** "paddr+filesz/memsz" in pages. */
function shape(vmcore: Vmcore, dumpLevel = 1): string[] {
  const { elf } = write(vmcore, dumpLevel);
  return elf.loads.map(({ paddr, filesz, memsz }) => `${paddr / PAGE}+${filesz / PAGE}/${memsz / PAGE}`);
}

describe('gaps', () => {
  test.each<[string, string[]]>([
    ['abc', ['0+3/3']],
    ['...', ['0+0/3']],
    ['abc..', ['0+3/5']],
    ['..abc', ['0+5/5']],
    [`a${GAP - 1}*.b`, [`0+${GAP + 1}/${GAP + 1}`]],
    [`a${GAP}*.b`, [`0+1/${GAP + 1}`, `${GAP + 1}+1/1`]],
    [`a${GAP + 1}*.b`, [`0+1/${GAP + 2}`, `${GAP + 2}+1/1`]],
    [`${GAP - 1}*.b`, [`0+${GAP}/${GAP}`]],
    [`${GAP}*.b`, [`0+0/${GAP}`, `${GAP}+1/1`]],
    [`a${GAP}*.b${GAP}*.c..`, [`0+1/${GAP + 1}`, `${GAP + 1}+1/${GAP + 1}`, `${2 * GAP + 2}+1/3`]],
  ])('%s', (text, expected) => {
    expect(shape(open([{ paddr: 0, bytes: pages(text) }]))).toEqual(expected);
  });

  test('there are none at level 0', () => {
    expect(shape(open([{ paddr: 0, bytes: pages(`a${GAP}*.b`) }]), 0)).toEqual([`0+${GAP + 2}/${GAP + 2}`]);
  });
});

test('every page is read back at the virtual address that it has in the vmcore', () => {
  const bytes = pages(`ab${GAP}*.c`);
  const vmcore = open([{ paddr: 16 * PAGE, bytes, vaddr: 0xffff_8880_0000_0000n }]);
  const { elf, file } = write(vmcore);
  for (let page = 0; page < bytes.length / PAGE; page++) {
    const read = elf.readPage((16 + page) * PAGE);
    if (read === 'gap') expect(bytes.subarray(page * PAGE, (page + 1) * PAGE)).toEqual(Buffer.alloc(PAGE));
    else expect(read).toEqual(bytes.subarray(page * PAGE, (page + 1) * PAGE));
  }
  expect(elf.loads[1].vaddr).toBe(0xffff_8880_0000_0000n + BigInt((GAP + 2) * PAGE));
  expect(elf.note.equals(vmcore.noteBytes)).toBe(true);
  expect(elf.dataEnd).toBe(file.bytes.length);
  expect(elf).toMatchObject({ machine: 62, flags: 0 });
});

test('a second PT_LOAD for the same memory is kept, because gdb reads by virtual address', () => {
  const image = pages('ab');
  const loads = [
    { paddr: 2 * PAGE, bytes: image, vaddr: 0xffff_ffff_8100_0000n },
    { paddr: 0, bytes: Buffer.concat([pages('xy'), image, pages('z')]) },
  ];
  expect(shape(open(loads))).toEqual(['2+2/2', '0+5/5']);
});

test.each([-100, -1, 1, 100])('edges %i bytes off a page boundary are kept', off => {
  const bytes = pages('abcdef').subarray(0, 5 * PAGE);
  const { elf } = write(open([{ paddr: 3 * PAGE + off, bytes }]));
  expect(elf.loads).toMatchObject([{ paddr: 3 * PAGE + off, filesz: bytes.length, memsz: bytes.length }]);
  expect(elf.readPage(3 * PAGE + off)).toEqual(bytes.subarray(0, PAGE));
});

test('pages that the file does not hold stay a gap', () => {
  const bytes = pages('abc');
  const vmcore = open([{ paddr: 0, bytes, p_memsz: BigInt(10 * PAGE) }]);
  expect(shape(vmcore)).toEqual(['0+3/10']);
  expect(shape(vmcore, 0)).toEqual(['0+3/10']);
});

test('program headers anywhere in the vmcore', () => {
  expect(shape(open([{ paddr: 0, bytes: pages('abc') }], { programHeaders: 'last' }))).toEqual(['0+3/3']);
});

test('is marked incomplete until the last write, which follows a sync', () => {
  const vmcore = open([{ paddr: 0, bytes: pages('600*a') }]);
  const { file } = write(vmcore);
  expect(file.writes.at(-1)).toEqual({ offset: 0, lengthBytes: 64, syncsBefore: 1 });
  const full = new MemoryFile(2 * 2 ** 20);
  expect(() => finish(elfSteps({ vmcore, bitmap2: everything(vmcore), dumpLevel: 0 }, full))).toThrow('full');
  expect(openElf(full.bytes).flags).toBe(1);
});

test('a page that cannot be read is zeros, with a warning', () => {
  const bytes = pages('4*a');
  const source = new MemorySource(buildVmcore({ loads: [{ paddr: 0, bytes }] }));
  const vmcore = openVmcore(source);
  const bad = Number(vmcore.elf.programHeaders[1].p_offset) + 2 * PAGE;
  const hits = (offset: number, length: number) => offset <= bad && bad < offset + length;
  const broken = Object.create(source, {
    window: {
      value: (offset: number, length: number) => {
        if (hits(offset, length)) throw new Error('EIO');
        return source.window(offset, length);
      },
    },
    readAt: {
      value: (into: Uint8Array, offset: number) => {
        if (hits(offset, into.length)) throw new Error('EIO');
        return source.readAt(into, offset);
      },
    },
    sizeBytes: { value: source.sizeBytes },
  });
  const { elf, counts, warnings } = write({ ...vmcore, source: broken });
  expect(counts.pagesUnreadable).toBe(1);
  expect(warnings).toEqual(['page 2 is written as zeros: EIO']);
  expect(elf.readPage(2 * PAGE)).toEqual(Buffer.alloc(PAGE));
  expect(elf.readPage(3 * PAGE)).toEqual(Buffer.alloc(PAGE, 'a'));
});

test('goes through the flattened format and back', () => {
  const vmcore = open([{ paddr: 0, bytes: pages(`ab${GAP}*.c`) }]);
  const back = new MemoryFile();
  const rearranger = rearrange(back);
  rearranger.next();
  const sink = openFlattenedSink(bytes => void rearranger.next(bytes.slice()));
  finish(elfSteps({ vmcore, bitmap2: everything(vmcore), dumpLevel: 1 }, sink));
  sink.end();
  expect(rearranger.next(undefined).done).toBe(true);
  expect(back.bytes.equals(write(vmcore).file.bytes)).toBe(true);
});

test.each([
  [0xfffe, undefined],
  [0xffff, 64 + 0xffff * 56],
  [0x10000, 64 + 0x10000 * 56],
])('%i program headers', (phnum, sectionOffset) => {
  expect(planElf(phnum, 100).sectionOffset).toBe(sectionOffset);
  expect(planElf(phnum, 100).loadsOffset).toBe(64 + phnum * 56 + (sectionOffset ? 64 : 0) + 100);
});
