/** What physical memory is, as /proc/iomem says it (Linux kernel/resource.c; arch/arm64/kernel/setup.c). */
import { Failure } from '../../../../capture/errors.ts';
import type { Range } from '../../../../capture/vmcore/ranges.ts';
import { iomemRanges } from '../../host/iomem.ts';

export type MemoryRange = Range<number>;

export interface MemoryMap {
  /** System RAM, the hot-plugged too, in the order of the file. */
  readonly ram: readonly MemoryRange[];
  /** What is reserved for the crash kernel, the lower range first. */
  readonly reserved: readonly MemoryRange[];
}

/** @throws Failure where addresses are hidden, or nothing is reserved. */
export function readMemoryMap(iomem: string): MemoryMap {
  const ranges = iomemRanges(iomem);
  const named = (pattern: RegExp): MemoryRange[] =>
    ranges.filter(({ name }) => pattern.test(name)).map(({ start, end }) => ({ start, end }));
  // Hot-plugged memory is "System RAM (virtio_mem)", below its device.
  const ram = named(/^System RAM( \(|$)/);
  const reserved = named(/^Crash kernel$/);
  if (ram.every(({ end }) => end <= 1)) throw bad('/proc/iomem hides the addresses', 'Run as root');
  if (reserved.length === 0)
    throw bad('no memory is reserved', 'Reserve it with `kdumpling enable` and reboot');
  return { ram, reserved: reserved.sort((a, b) => a.start - b.start) };
}

function bad(actual: string, toDo: string): Failure {
  return new Failure('MEMORY_MAP', {
    action: 'load the crash kernel by kexec_load',
    actual,
    wanted: 'ranges of System RAM and of the crash kernel',
    toDo,
  });
}
