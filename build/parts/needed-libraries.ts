/** The libraries that an ELF program or library names as needed (DT_NEEDED), read from its file. */
import { Failure } from '../../capture/errors.ts';

/** elf.h */
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly vaddr: bigint;
  readonly fileBytes: number;
}

/** Sonames in the order of the file; none for a static program. @throws Failure for a file that is not a 64-bit ELF. */
export function neededLibraries(elf: Buffer): string[] {
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1)
    throw badElf('it has no header of a 64-bit little-endian ELF file');
  const segments = segmentsOf(elf);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) return [];
  const entries = dynamicEntries(elf, dynamic);
  const strings = entries.find(({ tag }) => tag === DT_STRTAB);
  if (!strings) throw badElf('its dynamic section names no strings');
  const at = fileOffset(segments, strings.value);
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(elf, at + Number(value)));
}

/** e_machine. */
export function elfMachine(elf: Buffer): number {
  return elf.readUInt16LE(18);
}

function segmentsOf(elf: Buffer): Segment[] {
  const [at, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  if (at + size * count > elf.length) throw badElf('it ends before its program headers');
  return Array.from({ length: count }, (_, index) => {
    const header = elf.subarray(at + index * size);
    return {
      type: header.readUInt32LE(0),
      offset: Number(header.readBigUInt64LE(8)),
      vaddr: header.readBigUInt64LE(16),
      fileBytes: Number(header.readBigUInt64LE(32)),
    };
  });
}

function dynamicEntries(elf: Buffer, { offset, fileBytes }: Segment): { tag: bigint; value: bigint }[] {
  if (offset + fileBytes > elf.length) throw badElf('it ends before its dynamic section');
  return Array.from({ length: Math.floor(fileBytes / 16) }, (_, index) => ({
    tag: elf.readBigUInt64LE(offset + index * 16),
    value: elf.readBigUInt64LE(offset + index * 16 + 8),
  }));
}

function fileOffset(segments: readonly Segment[], vaddr: bigint): number {
  const segment = segments.find(
    one => one.type === PT_LOAD && vaddr >= one.vaddr && vaddr < one.vaddr + BigInt(one.fileBytes),
  );
  if (!segment) throw badElf('its dynamic strings are in no segment');
  return segment.offset + Number(vaddr - segment.vaddr);
}

function textAt(elf: Buffer, at: number): string {
  const end = elf.indexOf(0, at);
  if (end < 0) throw badElf('the name of a library does not end');
  return elf.toString('latin1', at, end);
}

function badElf(actual: string): Failure {
  return new Failure('BAD_ELF', {
    action: 'find the libraries that a program needs',
    actual,
    wanted: 'a 64-bit little-endian ELF program or library',
  });
}
