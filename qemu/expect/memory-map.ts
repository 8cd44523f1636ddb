/** The first kernel's memory map, as it reports /proc/iomem on the serial console, and checks of it. */
import type { SerialLine } from '../machine/serial.ts';
import type { Expectation } from './check.ts';

/** Physical addresses, half-open. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

export interface MemoryMap {
  /** System RAM, in the order of addresses. */
  readonly ram: readonly AddressRange[];
  /** What crashkernel= reserved, inside of System RAM. */
  readonly reserved: readonly AddressRange[];
}

const MIB = 1 << 20;
export const FOUR_GIB = 2 ** 32;

/** Of the last boot that crashed. */
export function readMemoryMap(lines: readonly SerialLine[]): MemoryMap {
  const from = Math.max(
    0,
    lines.findLastIndex(({ text }) => text === 'lab: memory map'),
  );
  const ranges = (kind: string) =>
    lines.slice(from).flatMap(({ text }) => {
      const match = new RegExp(`^lab: ${kind} ([0-9a-f]+)-([0-9a-f]+)$`).exec(text);
      return match ? [{ start: Number.parseInt(match[1], 16), end: Number.parseInt(match[2], 16) + 1 }] : [];
    });
  return { ram: ranges('ram'), reserved: ranges('reserved') };
}

export function sizeMib(ranges: readonly AddressRange[]): number {
  return Math.round(ranges.reduce((sum, { start, end }) => sum + end - start, 0) / MIB);
}

/** The machine has the memory map that the run is about. */
export function memoryMap(what: string, holds: (map: MemoryMap) => boolean): Expectation {
  return ({ lines }) => {
    const map = readMemoryMap(lines);
    const text = (ranges: readonly AddressRange[]) =>
      ranges.map(({ start, end }) => `0x${start.toString(16)}-0x${end.toString(16)}`).join(' ') || 'none';
    const saw = `${map.ram.length} ranges of ${sizeMib(map.ram)} MiB: ${text(map.ram)}; reserved: ${text(map.reserved)}`;
    return [{ what, holds: map.ram.length > 0 && holds(map), saw }];
  };
}

/** Pieces of RAM that it never has, like the first MiB. */
const OTHER_MIB = 8;
/** The kernel's own image is in it a second time, at its virtual address (Linux kernel/crash_core.c, need_kernel_map). */
const MOST_KERNEL_MIB = 64;

/** The crash kernel’s /proc/vmcore has all RAM of the machine but so much, which is the crash kernel’s own. */
export function vmcoreLacks(mib: number): Expectation {
  return ({ lines }) => {
    const ramMib = sizeMib(readMemoryMap(lines).ram);
    const open = lines.find(({ text }) => VMCORE_SIZE.test(text))?.text;
    const vmcoreMib = (Number(open && VMCORE_SIZE.exec(open)![1]) * 1e6) / MIB;
    return [
      {
        what: `/proc/vmcore lacks ${mib} MiB`,
        holds: ramMib - vmcoreMib < mib + OTHER_MIB && ramMib - vmcoreMib > mib - MOST_KERNEL_MIB,
        saw: `${Math.round(vmcoreMib)} of ${ramMib} MiB: ${open ?? 'no such line'}`,
      },
    ];
  };
}

const VMCORE_SIZE = /kdumpling: open: \/proc\/vmcore has (\d+) MB/;
