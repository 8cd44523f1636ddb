/** The vmcores that mutants are made of: small built machines, and real ones where there are any. */

import { openNodeCodec } from '../../../capture/codecs/open.ts';
import { choosePages, crashFacts } from '../../../capture/kdump/write/input.ts';
import { writeDump } from '../../../capture/kdump/write/writer.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { ANON_MAPPING, FILE_MAPPING, GENERATIONS } from '../../support/memmap-builder.ts';
import {
  type MachineSpec,
  MemmapMachine,
  ONLINE_SECTION,
  SECTION_PAGES,
} from '../../support/memmap-machine.ts';
import { MemorySource, type NoteSpec } from '../../support/vmcore-builder.ts';
import { SparseFile } from '../sparse-file.ts';
import { type Base, openBase } from './base.ts';

/** Keys that only a whole capture reads. */
const KEYS = { CRASHTIME: 1_790_000_000, KERNELOFFSET: '1a000000' };

const SPECS: readonly (readonly [string, MachineSpec])[] = [
  ['5 levels, vmemmap', { generation: GENERATIONS.at(-1)! }],
  ['4 levels, pages', { generation: GENERATIONS[0], levels: 4, mapping: 'page' }],
  ['static sections, memmap apart', { generation: GENERATIONS[2], sections: 'static', memmap: 'apart' }],
];

/** Larger than what is taken without a look at the single notes. */
const DEVICE_DUMP: NoteSpec = { name: 'LINUX', type: 0x700, desc: new Uint8Array(5 << 20).fill(0xdd) };
const HIGH_PFN = 2 ** 39;

/** @param vmcores paths of real vmcores. */
export function bases(vmcores: readonly string[]): Base[] {
  return [...builtBases(), ...vmcores.map(path => openBase(path, openVmcoreFile(path, undefined)))];
}

export function builtBases(): Base[] {
  const machines = SPECS.map(([name, spec]) => ({
    name,
    machine: fill(new MemmapMachine({ ...spec, vmcoreinfo: KEYS })),
  }));
  return [
    ...machines.map(({ name, machine }) => openBase(name, new MemorySource(machine.bytes()))),
    openBase('a device dump before VMCOREINFO', new MemorySource(machines[0].machine.bytes([DEVICE_DUMP]))),
    openBase('memory at 2 PiB', new MemorySource(highMachine().bytes())),
    openBase('a dump of a dump', new MemorySource(dumpOf(machines[0].machine))),
  ];
}

/** The second of two sections is offline, and there is a page of a section that does not exist. */
function highMachine(): MemmapMachine {
  const machine = fill(new MemmapMachine({ vmcoreinfo: KEYS }));
  machine.setSection(1, machine.codedMemmap(1) | (ONLINE_SECTION & ~4n));
  machine.builder.memory.page(HIGH_PFN).fill(1);
  machine.setRoot(Math.floor(HIGH_PFN / SECTION_PAGES / 256), 0n);
  return machine;
}

function fill(machine: MemmapMachine): MemmapMachine {
  machine
    .pages(0)
    .free(0, 3)
    .set(8, { flags: ['lru'], mapping: FILE_MAPPING })
    .set(9, { flags: ['lru', 'private'], mapping: FILE_MAPPING })
    .set(10, { flags: ['lru'], mapping: ANON_MAPPING })
    .set(11, { flags: ['hwpoison'] })
    .slab(16, 2)
    .compound(32, 5, { flags: ['lru', 'swapbacked'], mapping: ANON_MAPPING });
  machine.pages(1).free(0, 4).hugetlb(16, 4);
  return machine;
}

function dumpOf(machine: MemmapMachine): Buffer {
  const crash = machine.crash();
  const { bitmap2, dumpLevel } = choosePages(crash, 1);
  const file = new SparseFile();
  const codec = openNodeCodec('zstd', 4096);
  writeDump({ ...crashFacts(crash), bitmap2, dumpLevel, codec, digestAlgorithm: 'none' }, file);
  return file.bytes();
}
