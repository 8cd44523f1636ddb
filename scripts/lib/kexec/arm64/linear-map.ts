/** Where the running kernel has physical memory in its linear mapping, as /proc/kcore's header says (Linux fs/proc/kcore.c). */
import type { Buffer } from 'node:buffer';
import type { CoreMemory } from './core-header.ts';
import type { MemoryRange } from './memory-map.ts';

const HEADER_BYTES = 64;
const PT_LOAD = 1;
/** Of a segment that has no physical address. */
const NOWHERE = 0xffff_ffff_ffff_ffffn;

/** The bytes of /proc/kcore that `withVirtual` needs: its header and a few hundred program headers. */
export const KCORE_HEAD_BYTES = 1 << 16;

/** @param kcore the head of the file; undefined where it cannot be read. Memory that it does not have gets the address 0. */
export function withVirtual(ranges: readonly MemoryRange[], kcore: Buffer | undefined): CoreMemory[] {
  const segments = kcore ? segmentsOf(kcore) : [];
  return ranges.map(({ start, end }) => {
    const segment = segments.find(one => BigInt(start) >= one.physical && BigInt(start) < one.end);
    return { start, end, virtual: segment ? segment.virtual + (BigInt(start) - segment.physical) : 0n };
  });
}

/** The kernel's own text is mapped twice, and the linear mapping covers more: the longest segments come first. */
function segmentsOf(kcore: Buffer): { virtual: bigint; physical: bigint; end: bigint }[] {
  if (kcore.length < HEADER_BYTES || kcore.readUInt32BE(0) !== 0x7f454c46) return [];
  const [at, size, count] = [
    Number(kcore.readBigUInt64LE(32)),
    kcore.readUInt16LE(54),
    kcore.readUInt16LE(56),
  ];
  const whole = Math.min(count, Math.floor((kcore.length - at) / size));
  return Array.from({ length: Math.max(0, whole) }, (_, index) => kcore.subarray(at + index * size))
    .filter(row => row.readUInt32LE(0) === PT_LOAD && row.readBigUInt64LE(24) !== NOWHERE)
    .map(row => {
      const physical = row.readBigUInt64LE(24);
      return { virtual: row.readBigUInt64LE(16), physical, end: physical + row.readBigUInt64LE(40) };
    })
    .sort((a, b) => Number(b.end - b.physical - (a.end - a.physical)));
}
