/** An ELF file as a linker and `objcopy --only-keep-debug` leave it: a build id, code or a place for it, DWARF or none. */
import { encodeNotes } from './vmcore-builder.ts';

export interface DebugFileSpec {
  /** Hexadecimal; null for no such note. */
  readonly buildId: string | null;
  readonly dwarf?: boolean;
  readonly code?: boolean;
  /** The note is in a PT_NOTE alone, and the file has no sections. */
  readonly stripped?: boolean;
}

const [EHDR, PHDR, SHDR] = [64, 56, 64];
const [SHT_PROGBITS, SHT_STRTAB, SHT_NOTE, SHT_NOBITS] = [1, 3, 7, 8];
const PT_NOTE = 4;

export function debugFile({ buildId, dwarf = true, code = true, stripped = false }: DebugFileSpec): Buffer {
  const note = { name: 'GNU', type: 3, desc: Buffer.from(buildId ?? '', 'hex') };
  // The kernel's .notes begin with others.
  const others = [
    { name: 'Xen', type: 6, desc: Buffer.from('2.6\0') },
    { name: 'Linux', type: 0x101, desc: Buffer.from('nothing') },
  ];
  const notes = Buffer.from(encodeNotes([...others, ...(buildId === null ? [] : [note])]));
  const sections = [
    { name: '', type: 0, bytes: Buffer.alloc(0), size: 0 },
    { name: '.text', type: code ? SHT_PROGBITS : SHT_NOBITS, bytes: Buffer.alloc(code ? 64 : 0), size: 64 },
    { name: '.notes', type: SHT_NOTE, bytes: notes, size: notes.length },
    ...(dwarf ? [{ name: '.debug_info', type: SHT_PROGBITS, bytes: Buffer.alloc(32, 1), size: 32 }] : []),
  ];
  const names = Buffer.from(`${[...sections, { name: '.shstrtab' }].map(({ name }) => name).join('\0')}\0`);
  const all = [...sections, { name: '.shstrtab', type: SHT_STRTAB, bytes: names, size: names.length }];
  const header = Buffer.alloc(EHDR + PHDR);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  let at = header.length;
  const places = all.map(({ bytes }) => {
    const place = at;
    at += bytes.length;
    return place;
  });
  header.writeBigUInt64LE(BigInt(EHDR), 32);
  header.writeUInt16LE(PHDR, 54);
  header.writeUInt16LE(1, 56);
  if (!stripped) {
    header.writeBigUInt64LE(BigInt(at), 40);
    header.writeUInt16LE(SHDR, 58);
    header.writeUInt16LE(all.length, 60);
    header.writeUInt16LE(all.length - 1, 62);
  }
  header.writeUInt32LE(PT_NOTE, EHDR);
  header.writeBigUInt64LE(BigInt(places[2]!), EHDR + 8);
  header.writeBigUInt64LE(BigInt(notes.length), EHDR + 32);
  let nameAt = 0;
  const table = all.map(({ name, type, size }, index) => {
    const bytes = Buffer.alloc(SHDR);
    bytes.writeUInt32LE(nameAt, 0);
    bytes.writeUInt32LE(type, 4);
    bytes.writeBigUInt64LE(BigInt(places[index]!), 24);
    bytes.writeBigUInt64LE(BigInt(size), 32);
    nameAt += name.length + 1;
    return bytes;
  });
  return Buffer.concat([header, ...all.map(({ bytes }) => bytes), ...(stripped ? [] : table)]);
}
