/**
 * The ELF64 header and program headers of a vmcore (gABI, chapters "ELF Header" and "Program Header"). Little endian only.
 * e_phoff says where the program headers are: the kernel puts them right after the ELF header, QEMU's dump-guest-memory
 * does not.
 */
import { counted, VmcoreError } from '../errors.ts';
import { MACHINES } from './machines.ts';
import type { ByteSource } from './source.ts';

export const PT_LOAD = 1;
export const PT_NOTE = 4;

export const ELF64_EHDR_BYTES = 64;
export const ELF64_PHDR_BYTES = 56;
const ELF64_SHDR_BYTES = 64;
const SH_INFO_OFFSET = 44;

const ET_CORE = 4;
/** In e_phnum: the count did not fit and is in sh_info of section header 0. */
const PN_XNUM = 0xffff;
/** One for each memory range: machines have dozens, those with interleaved NUMA nodes thousands. */
const MAX_PROGRAM_HEADERS = 1 << 18;

export interface ElfHeader {
  readonly e_type: number;
  readonly e_machine: number;
  readonly e_phoff: bigint;
  readonly e_shoff: bigint;
  readonly e_flags: number;
  readonly e_phentsize: number;
  readonly e_phnum: number;
}

/** As in the file; `buildSegments` converts the PT_LOADs to numbers. */
export interface ProgramHeader {
  readonly p_type: number;
  readonly p_flags: number;
  readonly p_offset: bigint;
  readonly p_vaddr: bigint;
  readonly p_paddr: bigint;
  readonly p_filesz: bigint;
  readonly p_memsz: bigint;
  readonly p_align: bigint;
}

export interface Elf {
  readonly header: ElfHeader;
  readonly programHeaders: readonly ProgramHeader[];
  readonly warnings: readonly string[];
}

/** @throws VmcoreError when `bytes` do not begin with the header of a 64-bit little-endian core of a known machine. */
export function decodeElfHeader(bytes: Uint8Array, name: string): ElfHeader {
  const refuse = (code: string, actual: string, wanted: string) =>
    new VmcoreError(code, { action: `open ${name} as a vmcore`, actual, wanted });
  if (bytes.length < ELF64_EHDR_BYTES) {
    throw refuse(
      'ELF_CUT',
      `it has ${counted(bytes.length, 'byte')}`,
      `an ELF64 header of ${ELF64_EHDR_BYTES} bytes`,
    );
  }
  const view = viewOf(bytes);
  const magic = view.getUint32(0, false);
  if (magic !== 0x7f454c46) {
    throw refuse('ELF_MAGIC', `it begins with 0x${magic.toString(16)}`, 'the ELF magic, 0x7f454c46');
  }
  const [EI_CLASS, EI_DATA] = [bytes[4], bytes[5]];
  if (EI_CLASS !== 2 || EI_DATA !== 1) {
    throw refuse(
      'ELF_CLASS',
      `EI_CLASS is ${EI_CLASS} and EI_DATA ${EI_DATA}`,
      '2 (64-bit) and 1 (little endian)',
    );
  }
  const header: ElfHeader = {
    e_type: view.getUint16(16, true),
    e_machine: view.getUint16(18, true),
    e_phoff: view.getBigUint64(32, true),
    e_shoff: view.getBigUint64(40, true),
    e_flags: view.getUint32(48, true),
    e_phentsize: view.getUint16(54, true),
    e_phnum: view.getUint16(56, true),
  };
  if (header.e_type !== ET_CORE) {
    throw refuse('ELF_TYPE', `e_type is ${header.e_type}`, `${ET_CORE} (a core)`);
  }
  if (!MACHINES[header.e_machine]) {
    throw refuse('ELF_MACHINE', `e_machine is ${header.e_machine}`, describeMachines());
  }
  if (header.e_phentsize < ELF64_PHDR_BYTES) {
    throw refuse('ELF_PHENTSIZE', `e_phentsize is ${header.e_phentsize}`, `at least ${ELF64_PHDR_BYTES}`);
  }
  return header;
}

export function decodeProgramHeader(view: DataView, offset: number): ProgramHeader {
  return {
    p_type: view.getUint32(offset, true),
    p_flags: view.getUint32(offset + 4, true),
    p_offset: view.getBigUint64(offset + 8, true),
    p_vaddr: view.getBigUint64(offset + 16, true),
    p_paddr: view.getBigUint64(offset + 24, true),
    p_filesz: view.getBigUint64(offset + 32, true),
    p_memsz: view.getBigUint64(offset + 40, true),
    p_align: view.getBigUint64(offset + 48, true),
  };
}

/**
 * A truncated table yields the headers before the cut, with a warning.
 * @throws VmcoreError when there is no program header at all: then there is nothing to capture.
 */
export function readElf(source: ByteSource): Elf {
  const warnings: string[] = [];
  const header = decodeElfHeader(readUpTo(source, 0, ELF64_EHDR_BYTES), source.name);
  const announced = programHeaderCount(source, header);
  const roomBytes = BigInt(source.sizeBytes) - header.e_phoff;
  const room = roomBytes > 0n ? Number(roomBytes / BigInt(header.e_phentsize)) : 0;
  const count = Math.min(announced, room, MAX_PROGRAM_HEADERS);
  if (count < announced) {
    warnings.push(
      `only ${count} of ${counted(announced, 'program header')} at 0x${header.e_phoff.toString(16)} can be read`,
    );
  }
  const programHeaders: ProgramHeader[] = [];
  const table =
    count > 0 ? readUpTo(source, Number(header.e_phoff), count * header.e_phentsize) : new Uint8Array();
  const view = viewOf(table);
  for (let at = 0; at + ELF64_PHDR_BYTES <= table.length; at += header.e_phentsize) {
    programHeaders.push(decodeProgramHeader(view, at));
  }
  if (programHeaders.length === 0) {
    throw new VmcoreError(
      'ELF_NO_HEADERS',
      {
        action: `open ${source.name} as a vmcore`,
        actual: 'the file holds no program header',
        wanted: 'at least one PT_LOAD',
      },
      { e_phoff: header.e_phoff, e_phnum: announced, sizeBytes: source.sizeBytes },
    );
  }
  return { header, programHeaders, warnings };
}

function programHeaderCount(source: ByteSource, header: ElfHeader): number {
  if (header.e_phnum !== PN_XNUM || header.e_shoff === 0n) return header.e_phnum;
  if (header.e_shoff + BigInt(ELF64_SHDR_BYTES) > BigInt(source.sizeBytes)) return header.e_phnum;
  const section = readUpTo(source, Number(header.e_shoff), ELF64_SHDR_BYTES);
  return section.length < ELF64_SHDR_BYTES ? header.e_phnum : viewOf(section).getUint32(SH_INFO_OFFSET, true);
}

/** Up to `lengthBytes` bytes at `offset`; fewer where the source ends. */
export function readUpTo(source: ByteSource, offset: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, Math.min(lengthBytes, source.sizeBytes - offset)));
  return bytes.subarray(0, source.readAt(bytes, offset));
}

function describeMachines(): string {
  return Object.entries(MACHINES)
    .map(([e_machine, machine]) => `${e_machine} (${machine!.name})`)
    .join(' or ');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
