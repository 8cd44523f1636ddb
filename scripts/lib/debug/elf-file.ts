/**
 * What an ELF file says of itself: its build id (the GNU note of gABI's "Note Section"), and whether it holds DWARF and
 * code. Of a debug file that was split from its program the code's sections have no bytes (SHT_NOBITS).
 */
import { closeSync, fstatSync, readSync } from 'node:fs';
import {
  decodeProgramHeader,
  ELF64_EHDR_BYTES,
  ELF64_PHDR_BYTES,
  PT_NOTE,
} from '../../../capture/vmcore/elf.ts';
import { decodeNotes, type Note } from '../../../capture/vmcore/notes.ts';

export interface ElfFacts {
  /** Hexadecimal, lower case. */
  readonly buildId?: string;
  readonly hasDwarf: boolean;
  readonly hasCode: boolean;
}

const SHDR_BYTES = 64;
const SHT_NOTE = 7;
const SHT_NOBITS = 8;
/** e_shnum or e_shstrndx did not fit: section header 0 has it. */
const SHN_XINDEX = 0xffff;
const NT_GNU_BUILD_ID = 3;

/** More than any vmlinux has, so that a damaged header does not exhaust memory. */
const MOST_SECTIONS = 1 << 17;
const MOST_NAME_BYTES = 16 << 20;
const MOST_NOTE_BYTES = 1 << 20;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

type Read = (offset: number, lengthBytes: number) => Buffer;

/** Undefined for what is no 64-bit little-endian ELF file. @param fd is closed. @throws what Node's calls throw. */
export function readElfFile(fd: number): ElfFacts | undefined {
  try {
    const { size } = fstatSync(fd);
    return factsOf((offset, lengthBytes) => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(lengthBytes, size - offset)));
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset));
    });
  } finally {
    closeSync(fd);
  }
}

function factsOf(read: Read): ElfFacts | undefined {
  const header = read(0, ELF64_EHDR_BYTES);
  const isElf = header.length === ELF64_EHDR_BYTES && header.readUInt32BE(0) === 0x7f454c46;
  if (!isElf || header[4] !== 2 || header[5] !== 1) return undefined;
  const sections = sectionsOf(header, read);
  const notes = sections
    .filter(({ type }) => type === SHT_NOTE)
    .map(({ offset, sizeBytes }) => [offset, sizeBytes] as const);
  const buildId = buildIdIn([...notes, ...noteSegments(header, read)], read);
  return {
    ...(buildId !== undefined && { buildId }),
    hasDwarf: sections.some(({ name }) => /^\.z?debug_info$/.test(name)),
    hasCode: sections.some(
      ({ name, type, sizeBytes }) => name === '.text' && type !== SHT_NOBITS && sizeBytes > 0,
    ),
  };
}

function sectionsOf(header: Buffer, read: Read): Section[] {
  const tableOffset = Number(header.readBigUInt64LE(40));
  if (tableOffset === 0 || header.readUInt16LE(58) !== SHDR_BYTES) return [];
  const first = read(tableOffset, SHDR_BYTES);
  if (first.length < SHDR_BYTES) return [];
  const count = header.readUInt16LE(60) || Number(first.readBigUInt64LE(32));
  const namesIndex = header.readUInt16LE(62);
  if (count > MOST_SECTIONS) return [];
  const table = read(tableOffset, count * SHDR_BYTES);
  const at = (index: number) => table.subarray(index * SHDR_BYTES, (index + 1) * SHDR_BYTES);
  const namesHeader = at(namesIndex === SHN_XINDEX ? first.readUInt32LE(40) : namesIndex);
  if (namesHeader.length < SHDR_BYTES) return [];
  const names = read(
    Number(namesHeader.readBigUInt64LE(24)),
    Math.min(Number(namesHeader.readBigUInt64LE(32)), MOST_NAME_BYTES),
  );
  return Array.from({ length: Math.floor(table.length / SHDR_BYTES) }, (_, index) => {
    const bytes = at(index);
    const nameAt = bytes.readUInt32LE(0);
    const nameEnd = names.indexOf(0, nameAt);
    return {
      name: names.toString('latin1', nameAt, nameEnd < 0 ? names.length : nameEnd),
      type: bytes.readUInt32LE(4),
      offset: Number(bytes.readBigUInt64LE(24)),
      sizeBytes: Number(bytes.readBigUInt64LE(32)),
    };
  });
}

function noteSegments(header: Buffer, read: Read): (readonly [offset: number, lengthBytes: number])[] {
  const count = header.readUInt16LE(56);
  if (header.readUInt16LE(54) !== ELF64_PHDR_BYTES) return [];
  const table = read(Number(header.readBigUInt64LE(32)), count * ELF64_PHDR_BYTES);
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  return Array.from({ length: Math.floor(table.length / ELF64_PHDR_BYTES) }, (_, index) =>
    decodeProgramHeader(view, index * ELF64_PHDR_BYTES),
  )
    .filter(({ p_type }) => p_type === PT_NOTE)
    .map(({ p_offset, p_filesz }) => [Number(p_offset), Number(p_filesz)] as const);
}

function buildIdIn(
  places: readonly (readonly [offset: number, lengthBytes: number])[],
  read: Read,
): string | undefined {
  for (const [offset, lengthBytes] of places) {
    const { notes } = decodeNotes(read(offset, Math.min(lengthBytes, MOST_NOTE_BYTES)));
    const found = gnuBuildId(notes);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Hexadecimal, lower case. */
export function gnuBuildId(notes: readonly Note[]): string | undefined {
  const note = notes.find(({ name, type }) => name === 'GNU' && type === NT_GNU_BUILD_ID);
  return note && Buffer.from(note.desc).toString('hex');
}
