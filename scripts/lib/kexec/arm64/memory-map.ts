/** What physical memory is, as /proc/iomem says it (Linux kernel/resource.c; arch/arm64/kernel/setup.c). */
import { Failure } from '../../../../capture/errors.ts';

/** Half-open. */
export interface MemoryRange {
  readonly start: number;
  readonly end: number;
}

export interface MemoryMap {
  /** System RAM, the hot-plugged too, in the order of the file. */
  readonly ram: readonly MemoryRange[];
  /** What is reserved for the crash kernel, the lower range first. */
  readonly reserved: readonly MemoryRange[];
}

const LINE = /^ *([0-9a-f]+)-([0-9a-f]+) : (.*)$/gm;

/** @throws Failure where addresses are hidden, or nothing is reserved. */
export function readMemoryMap(iomem: string): MemoryMap {
  const lines = [...iomem.matchAll(LINE)].map(([, start, end, name]) => ({
    range: { start: Number.parseInt(start!, 16), end: Number.parseInt(end!, 16) + 1 },
    name: name!,
  }));
  // Hot-plugged memory is "System RAM (virtio_mem)", below its device.
  const ram = lines.filter(({ name }) => /^System RAM( \(|$)/.test(name)).map(({ range }) => range);
  const reserved = lines.filter(({ name }) => name === 'Crash kernel').map(({ range }) => range);
  if (ram.every(({ end }) => end <= 1)) throw bad('/proc/iomem hides the addresses', 'Run as root');
  if (reserved.length === 0)
    throw bad('no memory is reserved', 'Reserve it with `kdumpling enable` and reboot');
  return { ram, reserved: reserved.sort((a, b) => a.start - b.start) };
}

/** The ranges without what lies in one of the holes. */
export function withoutHoles(ranges: readonly MemoryRange[], holes: readonly MemoryRange[]): MemoryRange[] {
  return holes.reduce<MemoryRange[]>(
    (left, hole) =>
      left.flatMap(({ start, end }) =>
        hole.end <= start || hole.start >= end
          ? [{ start, end }]
          : [
              { start, end: hole.start },
              { start: hole.end, end },
            ].filter(part => part.start < part.end),
      ),
    [...ranges],
  );
}

function bad(actual: string, toDo: string): Failure {
  return new Failure('MEMORY_MAP', {
    action: 'load the crash kernel by kexec_load',
    actual,
    wanted: 'ranges of System RAM and of the crash kernel',
    toDo,
  });
}
