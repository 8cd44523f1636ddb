import { describe, expect, it, test } from 'vitest';
import { KernelError } from '../../../capture/errors.ts';
import { KernelMemory } from '../../../capture/kernel/memory.ts';
import { type MemmapRange, memmapRanges } from '../../../capture/kernel/sections.ts';
import type { PfnRange } from '../../../capture/vmcore/segments.ts';
import { STRUCT_BYTES } from '../../support/memmap-builder.ts';
import {
  type MachineSpec,
  MemmapMachine,
  ONLINE_SECTION,
  ROOTS_PADDR,
  SECTION_PAGES,
} from '../../support/memmap-machine.ts';

const EVERYTHING = [{ start: 0, end: 2 ** 32 }];

function rangesOf(machine: MemmapMachine, wanted: readonly PfnRange[] = EVERYTHING) {
  const { vmcore } = machine.crash();
  const warnings: string[] = [];
  const ranges = [
    ...memmapRanges(KernelMemory.of(vmcore), vmcore.vmcoreinfo, STRUCT_BYTES, wanted, warnings),
  ];
  return { ranges, warnings };
}

const VMEMMAP = new MemmapMachine().vmemmap;
const inVmemmap = (pfnStart: number, pfnEnd: number, vmemmap = VMEMMAP): MemmapRange => ({
  pfnStart,
  pfnEnd,
  vaddr: vmemmap + BigInt(pfnStart * STRUCT_BYTES),
  isOnline: true,
});
const section = (number: number, vmemmap = VMEMMAP) =>
  inVmemmap(number * SECTION_PAGES, (number + 1) * SECTION_PAGES, vmemmap);

describe('the memmap', () => {
  const shapes: MachineSpec[] = [
    { sections: 'extreme' },
    { sections: 'extreme', levels: 4 },
    { sections: 'static' },
  ];
  it.each(shapes)('of $sections sections, $levels levels, is found section by section', spec => {
    const machine = new MemmapMachine({ ...spec, sectionNumbers: [0, 1, 5] });
    const { ranges, warnings } = rangesOf(machine);
    expect(ranges).toEqual([0, 1, 5].map(number => section(number, machine.vmemmap)));
    expect(warnings).toEqual([]);
  });

  it('of roots far apart, with holes between them', () => {
    const { ranges } = rangesOf(new MemmapMachine({ sectionNumbers: [3, 255, 256, 2000] }));
    expect(ranges).toEqual([section(3), section(255), section(256), section(2000)]);
  });

  it('without VMEMMAP, each section its own', () => {
    const machine = new MemmapMachine({ memmap: 'apart', sectionNumbers: [0, 7] });
    const base = machine.builder.directMap + 0xc00000n;
    expect(rangesOf(machine).ranges.map(({ vaddr }) => vaddr)).toEqual([base, base + 0x200000n]);
  });

  it('is cut to the pages that are wanted', () => {
    const wanted = [
      { start: 10, end: 20 },
      { start: 30, end: 31 },
      { start: SECTION_PAGES - 1, end: SECTION_PAGES + 1 },
      { start: 9 * SECTION_PAGES, end: 2 ** 32 },
    ];
    expect(rangesOf(new MemmapMachine(), wanted).ranges).toEqual([
      inVmemmap(10, 20),
      inVmemmap(30, 31),
      inVmemmap(SECTION_PAGES - 1, SECTION_PAGES),
      inVmemmap(SECTION_PAGES, SECTION_PAGES + 1),
    ]);
  });

  it('ignores the other flags in section_mem_map', () => {
    const machine = new MemmapMachine({ sectionFlags: ONLINE_SECTION | 0x30n });
    expect(rangesOf(machine).ranges).toEqual([section(0), section(1)]);
  });

  it.each([0n, 1n, 2n, 6n])('is missing for a section with flags %s', flags => {
    expect(rangesOf(new MemmapMachine({ sectionFlags: flags })).ranges).toEqual([]);
  });

  it.each([3n, 0xbn, 0x13n])('is that of offline memory for a section with flags %s', flags => {
    const offline = [section(0), section(1)].map(range => ({ ...range, isOnline: false }));
    expect(rangesOf(new MemmapMachine({ sectionFlags: flags })).ranges).toEqual(offline);
  });
});

describe('a damaged table of sections', () => {
  it('in which all roots are one does not loop', () => {
    const machine = new MemmapMachine();
    for (let root = 0; root < 512; root++) machine.setRoot(root, machine.builder.directMap + 0xa10000n);
    const { ranges } = rangesOf(machine, [{ start: 0, end: 512 * SECTION_PAGES }]);
    expect(ranges).toHaveLength(4);
  });

  it('whose roots lead nowhere is skipped, with a warning', () => {
    const machine = new MemmapMachine({ sectionNumbers: [0, 256] });
    machine.setRoot(0, 0xffdead0000000000n);
    const { ranges, warnings } = rangesOf(machine);
    expect(ranges).toEqual([section(256)]);
    expect(warnings).toEqual([expect.stringMatching(/^1 group .*not mapped/)]);
  });

  it('that is not in the vmcore is skipped, with a warning', () => {
    const machine = new MemmapMachine();
    machine.builder.memory.remove(ROOTS_PADDR / 4096);
    const { ranges, warnings } = rangesOf(machine);
    expect(ranges).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('cannot be read')]);
  });

  it('that ends early yields what is before its end', () => {
    const machine = new MemmapMachine({ sections: 'static', sectionNumbers: [0, 300] });
    machine.builder.memory.remove(0xa11000 / 4096);
    expect(rangesOf(machine).ranges).toEqual([section(0)]);
  });

  test.each([
    ['SYMBOL(mem_section)', undefined],
    ['SIZE(mem_section)', 0],
    ['SIZE(mem_section)', 4],
    ['SIZE(mem_section)', 8192],
    ['OFFSET(mem_section.section_mem_map)', 12],
    ['OFFSET(mem_section.section_mem_map)', 16],
    ['LENGTH(mem_section)', undefined],
    ['NUMBER(SECTION_SIZE_BITS)', 0],
    ['NUMBER(SECTION_SIZE_BITS)', 12],
    ['NUMBER(SECTION_SIZE_BITS)', 99],
    ['NUMBER(MAX_PHYSMEM_BITS)', 27],
    ['NUMBER(MAX_PHYSMEM_BITS)', 1000],
    ['NUMBER(MAX_PHYSMEM_BITS)', 'x'],
  ])('is refused with %s=%s', (key, value) => {
    const machine = new MemmapMachine({ vmcoreinfo: { [key]: value } });
    expect(() => rangesOf(machine)).toThrow(KernelError);
  });

  test.each([1, 2 ** 17 - 1, 2 ** 30])('of the length %i yields nothing wrong', length => {
    const machine = new MemmapMachine({ vmcoreinfo: { 'LENGTH(mem_section)': length } });
    expect(rangesOf(machine, [{ start: 0, end: 4 * SECTION_PAGES }]).ranges).toEqual([]);
  });
});
