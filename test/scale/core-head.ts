/** The head of an ELF core, and where in the file the memory of each PT_LOAD is. */
import {
  ELF64_EHDR_BYTES,
  ELF64_PHDR_BYTES,
  type ElfHeader,
  type ProgramHeader,
  PT_NOTE,
} from '../../capture/vmcore/elf.ts';

const PAGE = 4096;

export interface CoreHead {
  readonly bytes: Buffer;
  /** Of each of the PT_LOADs. */
  readonly offsets: readonly number[];
  /** The size of the whole file. */
  readonly endOffset: number;
}

/** As in /proc/vmcore: the program headers follow the ELF header, then the notes, then the memory, each on a page of its own. */
export function encodeCoreHead(
  { e_machine }: ElfHeader,
  loads: readonly ProgramHeader[],
  noteBytes: Uint8Array,
): CoreHead {
  const notesOffset = roundUp(ELF64_EHDR_BYTES + (loads.length + 1) * ELF64_PHDR_BYTES);
  let offset = notesOffset + roundUp(noteBytes.length);
  const bytes = Buffer.alloc(offset);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(4, 16);
  bytes.writeUInt16LE(e_machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(ELF64_EHDR_BYTES), 32);
  bytes.writeUInt16LE(ELF64_EHDR_BYTES, 52);
  bytes.writeUInt16LE(ELF64_PHDR_BYTES, 54);
  bytes.writeUInt16LE(loads.length + 1, 56);
  const size = BigInt(noteBytes.length);
  const note = { p_type: PT_NOTE, p_flags: 0, p_vaddr: 0n, p_paddr: 0n, p_filesz: size, p_memsz: size };
  writeHeader(bytes, 0, { ...note, p_offset: BigInt(notesOffset), p_align: 0n });
  bytes.set(noteBytes, notesOffset);
  const offsets = loads.map((load, index) => {
    const at = offset + Number(load.p_paddr % BigInt(PAGE));
    writeHeader(bytes, index + 1, { ...load, p_offset: BigInt(at) });
    offset = roundUp(at + Number(load.p_filesz));
    return at;
  });
  return { bytes, offsets, endOffset: offset };
}

function writeHeader(bytes: Buffer, index: number, header: ProgramHeader): void {
  const at = ELF64_EHDR_BYTES + index * ELF64_PHDR_BYTES;
  const { p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align } = header;
  bytes.writeUInt32LE(header.p_type, at);
  bytes.writeUInt32LE(header.p_flags, at + 4);
  for (const [i, field] of [p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align].entries())
    bytes.writeBigUInt64LE(field, at + 8 + i * 8);
}

function roundUp(value: number): number {
  return Math.ceil(value / PAGE) * PAGE;
}
