/** Where the running kernel has physical memory in its linear mapping, as /proc/kcore's header says (Linux fs/proc/kcore.c). */
import type { Buffer } from 'node:buffer';
import { attempt } from '../../../../capture/errors.ts';
import { decodeElfHeader, decodeProgramHeader, PT_LOAD } from '../../../../capture/vmcore/elf.ts';
import type { CoreMemory } from './core-header.ts';
import type { MemoryRange } from './memory-map.ts';

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
  const header = attempt(() => decodeElfHeader(kcore, '/proc/kcore'));
  if (!header) return [];
  const { e_phoff, e_phentsize, e_phnum } = header;
  const view = new DataView(kcore.buffer, kcore.byteOffset, kcore.length);
  const at = Number(e_phoff);
  const whole = Math.min(e_phnum, Math.floor((kcore.length - at) / e_phentsize));
  return Array.from({ length: Math.max(0, whole) }, (_, index) =>
    decodeProgramHeader(view, at + index * e_phentsize),
  )
    .filter(({ p_type, p_paddr }) => p_type === PT_LOAD && p_paddr !== NOWHERE)
    .map(({ p_vaddr, p_paddr, p_memsz }) => ({ virtual: p_vaddr, physical: p_paddr, end: p_paddr + p_memsz }))
    .sort((a, b) => Number(b.end - b.physical - (a.end - a.physical)));
}
