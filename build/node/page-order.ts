/**
 * Puts the pages of a Node binary that a capture touches together, at the beginning of the file. A touched page brings the
 * block of the image that it is in into memory: with the pages in their own order that is twice what is used, and where memory
 * is short, the crash kernel drops and reads it again and again. No page is left out, and each has the address it had.
 *
 * The kernel maps a program by its program headers (PT_LOAD: from where in the file, to which address), and so each run of
 * pages gets one of its own. Linux 6.1 takes 73 of them at most, and no later one more than 64 KiB of them, which are 1,170
 * (fs/binfmt_elf.c, load_elf_phdrs); glibc's loader takes as many as there are, so it is started in place of the program, with the
 * program as its argument (ld.so(8)).
 */
import { encodeProgramHeader } from '../../capture/elf/headers.ts';
import { decodeProgramHeader, ELF64_PHDR_BYTES, PT_LOAD } from '../../capture/vmcore/elf.ts';
import type { PageRun } from './page-profile.ts';
import { unknownForm } from './unknown-form.ts';

/** System V gABI, "ELF Header" and "Program Header"; 64-bit, little-endian. */
const HEADER = { shoff: 0x28, phoff: 0x20, phentsize: 0x36, phnum: 0x38, shnum: 0x3c, shstrndx: 0x3e };
const PT_PHDR = 6;
const PF_W = 2;

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

/** Pages of the file that follow one another, in one segment, and are all touched or all not. */
interface Piece extends PageRun {
  readonly segment: Segment;
  readonly isTouched: boolean;
}

/**
 * @param node an executable without sections that matter: the new file has none.
 * @param touched pages of the file, in ascending order.
 * @throws Failure for a file of another form.
 */
export function orderPages(node: Buffer, touched: readonly PageRun[], pageBytes: number): Buffer {
  const segments = segmentsOf(node);
  const loads = segments.filter(({ type }) => type === PT_LOAD);
  const pieces = loads.flatMap(segment => piecesOf(segment, touched, pageBytes));
  const phnum = pieces.length + segments.length - loads.length + 1;
  const tablePages = Math.ceil((phnum * ELF64_PHDR_BYTES) / pageBytes);
  // Of the new file, in pages. The ELF header stays where it is, and the table comes behind its page.
  const first = pieces.find(({ firstPage }) => firstPage === 0);
  if (!first) throw unknown('no segment with the ELF header');
  const order = [first, ...pieces.filter(piece => piece !== first).sort(byUse)];
  const places = new Map<Piece, number>();
  let page = 0;
  for (const piece of order) {
    places.set(piece, page);
    page += piece.pages + (piece === first ? tablePages : 0);
  }
  const ordered = Buffer.alloc(page * pageBytes);
  for (const [piece, place] of places) {
    const start = piece.firstPage * pageBytes;
    node.copy(ordered, place * pageBytes, start, start + piece.pages * pageBytes);
  }
  const placeOf = (offset: number): number => {
    const at = Math.floor(offset / pageBytes);
    const piece = pieces.find(({ firstPage, pages }) => firstPage <= at && at < firstPage + pages);
    if (!piece) throw unknown(`a header for offset ${offset}, which is in no segment`);
    return (places.get(piece)! - piece.firstPage) * pageBytes + offset;
  };
  const table: Segment = {
    type: PT_LOAD,
    flags: 4,
    offset: first.pages * pageBytes,
    address: roundUp(Math.max(...loads.map(({ address, memoryBytes }) => address + memoryBytes)), pageBytes),
    fileBytes: phnum * ELF64_PHDR_BYTES,
    memoryBytes: phnum * ELF64_PHDR_BYTES,
    align: pageBytes,
  };
  const headers = [
    ...segments
      .filter(({ type }) => type !== PT_LOAD)
      .map(segment =>
        segment.type === PT_PHDR
          ? { ...table, type: PT_PHDR, align: segment.align }
          : { ...segment, offset: segment.fileBytes === 0 ? 0 : placeOf(segment.offset) },
      ),
    ...pieces.map(piece => loadOf(piece, places.get(piece)!, pageBytes)),
    table,
  ];
  for (const [index, header] of headers.entries())
    ordered.set(encodeSegment(header), table.offset + index * ELF64_PHDR_BYTES);
  ordered.writeBigUInt64LE(BigInt(table.offset), HEADER.phoff);
  ordered.writeUInt16LE(headers.length, HEADER.phnum);
  ordered.writeBigUInt64LE(0n, HEADER.shoff);
  ordered.writeUInt16LE(0, HEADER.shnum);
  ordered.writeUInt16LE(0, HEADER.shstrndx);
  return ordered;
}

function byUse(one: Piece, other: Piece): number {
  return Number(other.isTouched) - Number(one.isTouched) || one.firstPage - other.firstPage;
}

/**
 * What can be written stays in one piece, because each process has its own copy of it once it has written there. The first page
 * counts as touched: whoever starts the program reads the ELF header.
 */
function piecesOf(segment: Segment, touched: readonly PageRun[], pageBytes: number): Piece[] {
  const firstPage = Math.floor(segment.offset / pageBytes);
  const end = Math.ceil((segment.offset + segment.fileBytes) / pageBytes);
  if (segment.flags & PF_W) return [{ segment, firstPage, pages: end - firstPage, isTouched: true }];
  const pieces: Piece[] = [];
  let at = firstPage;
  const add = (until: number, isTouched: boolean) => {
    if (until > at) pieces.push({ segment, firstPage: at, pages: until - at, isTouched });
    at = Math.max(at, until);
  };
  for (const run of firstPage === 0 ? [{ firstPage: 0, pages: 1 }, ...touched] : touched) {
    if (run.firstPage >= end || run.firstPage + run.pages <= at) continue;
    add(run.firstPage, false);
    add(Math.min(end, run.firstPage + run.pages), true);
  }
  add(end, false);
  return pieces;
}

/** What of the segment is in the piece, from `place` on in the new file, in pages. */
function loadOf({ segment, firstPage, pages }: Piece, place: number, pageBytes: number): Segment {
  const from = Math.max(segment.offset, firstPage * pageBytes);
  const until = Math.min(segment.offset + segment.fileBytes, (firstPage + pages) * pageBytes);
  const isLast = until === segment.offset + segment.fileBytes;
  return {
    ...segment,
    offset: place * pageBytes + (from % pageBytes),
    address: segment.address + from - segment.offset,
    fileBytes: until - from,
    memoryBytes: until - from + (isLast ? segment.memoryBytes - segment.fileBytes : 0),
    align: pageBytes,
  };
}

function segmentsOf(node: Buffer): Segment[] {
  if (node.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw unknown('no ELF-64 header');
  const table = Number(node.readBigUInt64LE(HEADER.phoff));
  const entryBytes = node.readUInt16LE(HEADER.phentsize);
  if (entryBytes !== ELF64_PHDR_BYTES) throw unknown(`program headers of ${entryBytes} bytes`);
  const view = new DataView(node.buffer, node.byteOffset, node.byteLength);
  return Array.from({ length: node.readUInt16LE(HEADER.phnum) }, (_, index) => {
    const header = decodeProgramHeader(view, table + index * ELF64_PHDR_BYTES);
    return {
      type: header.p_type,
      flags: header.p_flags,
      offset: Number(header.p_offset),
      address: Number(header.p_vaddr),
      fileBytes: Number(header.p_filesz),
      memoryBytes: Number(header.p_memsz),
      align: Number(header.p_align),
    };
  });
}

/** The physical address, which nothing reads, is the virtual one. */
function encodeSegment(segment: Segment): Uint8Array {
  const { type, flags, offset, address, fileBytes, memoryBytes, align } = segment;
  return encodeProgramHeader(type, flags, [offset, address, address, fileBytes, memoryBytes, align]);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

function unknown(actual: string) {
  return unknownForm('NODE_PAGES', {
    action: 'put the pages of Node that a capture touches together',
    actual: `the binary has ${actual}`,
    file: 'page-order.ts',
  });
}
