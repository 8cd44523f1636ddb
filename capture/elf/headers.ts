/** The headers of an ELF core as it is written: gABI, "ELF Header", "Program Header"; elf(5) on extended numbering. */
import { ELF64_EHDR_BYTES, ELF64_PHDR_BYTES, PT_LOAD, PT_NOTE } from '../vmcore/elf.ts';
import type { Load } from './loads.ts';

export const ELF64_SHDR_BYTES = 64;
const ET_CORE = 4;
const EV_CURRENT = 1;
/** From this number on, section header 0 holds the number of program headers. */
const PN_XNUM = 0xffff;

export interface ElfFacts {
  readonly e_machine: number;
  readonly e_flags: number;
  /** Program headers, including the PT_NOTE. */
  readonly phnum: number;
}

export interface ElfLayout {
  /** Undefined when the ELF header itself can hold the number of program headers. */
  readonly sectionOffset: number | undefined;
  readonly noteOffset: number;
  readonly loadsOffset: number;
}

/** ELF header, program headers, section header 0 if needed, notes, the bytes of the PT_LOADs; nothing is aligned. */
export function planElf(phnum: number, noteBytes: number): ElfLayout {
  const tableEnd = ELF64_EHDR_BYTES + phnum * ELF64_PHDR_BYTES;
  const sectionOffset = phnum >= PN_XNUM ? tableEnd : undefined;
  const noteOffset = sectionOffset === undefined ? tableEnd : tableEnd + ELF64_SHDR_BYTES;
  return { sectionOffset, noteOffset, loadsOffset: noteOffset + noteBytes };
}

export function encodeElfHeader(
  { e_machine, e_flags, phnum }: ElfFacts,
  layout: Pick<ElfLayout, 'sectionOffset'>,
): Uint8Array {
  const bytes = new Uint8Array(ELF64_EHDR_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, EV_CURRENT]); // 64-bit, little endian
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, e_machine, true);
  view.setUint32(20, EV_CURRENT, true);
  view.setBigUint64(32, BigInt(ELF64_EHDR_BYTES), true); // e_phoff
  view.setBigUint64(40, BigInt(layout.sectionOffset ?? 0), true); // e_shoff
  view.setUint32(48, e_flags, true);
  view.setUint16(52, ELF64_EHDR_BYTES, true); // e_ehsize
  view.setUint16(54, ELF64_PHDR_BYTES, true); // e_phentsize
  view.setUint16(56, Math.min(phnum, PN_XNUM), true);
  if (layout.sectionOffset !== undefined) {
    view.setUint16(58, ELF64_SHDR_BYTES, true); // e_shentsize
    view.setUint16(60, 1, true); // e_shnum
  }
  return bytes;
}

export function encodeNoteHeader(p_offset: number, sizeBytes: number, p_align: bigint): Uint8Array {
  return encodeProgramHeader(PT_NOTE, 0, [p_offset, 0n, 0, sizeBytes, sizeBytes, p_align]);
}

export function encodeLoadHeader(load: Load, p_offset: number): Uint8Array {
  const { p_flags, p_vaddr, p_paddr, p_filesz, p_memsz, p_align } = load;
  return encodeProgramHeader(PT_LOAD, p_flags, [p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align]);
}

/** Section header 0: SHT_NULL, with the number of program headers in sh_info. */
export function encodeCountingSection(phnum: number): Uint8Array {
  const bytes = new Uint8Array(ELF64_SHDR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(32, 1n, true); // sh_size: e_shnum
  view.setUint32(44, phnum, true); // sh_info
  return bytes;
}

/** @param fields p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align */
export function encodeProgramHeader(
  p_type: number,
  p_flags: number,
  fields: readonly (number | bigint)[],
): Uint8Array {
  const bytes = new Uint8Array(ELF64_PHDR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, p_type, true);
  view.setUint32(4, p_flags, true);
  for (const [i, field] of fields.entries()) view.setBigUint64(8 + i * 8, BigInt(field), true);
  return bytes;
}
