/** Reads ELF64 cores for tests, by the gABI; shares no code with capture/. */

export interface ElfPart {
  readonly type: number;
  readonly offset: number;
  readonly vaddr: bigint;
  readonly paddr: number;
  readonly filesz: number;
  readonly memsz: number;
}

export interface ElfFile {
  readonly machine: number;
  readonly flags: number;
  readonly note: Buffer;
  readonly loads: readonly ElfPart[];
  /** One past the last byte that any header refers to. */
  readonly dataEnd: number;
  /** The page at `paddr` from the first PT_LOAD that covers it; "gap" for memory that the file does not hold. */
  readPage(paddr: number): Buffer | 'gap' | 'nothing';
}

const PAGE = 4096;

export function openElf(file: Buffer): ElfFile {
  if (file.toString('latin1', 0, 4) !== '\x7fELF') throw new Error('no ELF file');
  const [phoff, shoff] = [Number(file.readBigUInt64LE(32)), Number(file.readBigUInt64LE(40))];
  const said = file.readUInt16LE(56);
  const count = said === 0xffff ? file.readUInt32LE(shoff + 44) : said;
  const parts = Array.from({ length: count }, (_, i): ElfPart => {
    const header = file.subarray(phoff + i * 56);
    const long = (at: number) => Number(header.readBigUInt64LE(at));
    return {
      type: header.readUInt32LE(0),
      offset: long(8),
      vaddr: header.readBigUInt64LE(16),
      paddr: long(24),
      filesz: long(32),
      memsz: long(40),
    };
  });
  const note = parts.find(({ type }) => type === 4)!;
  const loads = parts.filter(({ type }) => type === 1);
  return {
    machine: file.readUInt16LE(18),
    flags: file.readUInt32LE(48),
    note: file.subarray(note.offset, note.offset + note.filesz),
    loads,
    dataEnd: Math.max(
      ...parts.filter(({ filesz }) => filesz > 0).map(({ offset, filesz }) => offset + filesz),
    ),
    readPage(paddr) {
      const load = loads.find(part => paddr >= part.paddr && paddr < part.paddr + part.memsz);
      if (!load) return 'nothing';
      const into = paddr - load.paddr;
      if (into >= load.filesz) return 'gap';
      const at = load.offset + into;
      return file.subarray(at, at + Math.min(PAGE, load.filesz - into));
    },
  };
}
