/** Checks the head of a kdump-compressed file: headers, notes, bitmaps, and that the gaps which readers skip are 0. */
import { counted } from '../../errors.ts';
import { decodeNotes } from '../../vmcore/notes.ts';
import { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import {
  DISK_DUMP_HEADER_BYTES,
  DISKDUMP_HEADER_BLOCKS,
  DUMP_DH_COMPRESSED_INCOMPLETE,
  KDUMP_SUB_HEADER_BYTES,
} from '../format/header.ts';
import type { KdumpFile } from '../read/file.ts';

const CHUNK_BYTES = 1 << 20;
const MAX_NOTE_BYTES = 16 << 20;
const UTSNAME_OFFSET = 12;
const UTSNAME_FIELDS = 6;
const UTSNAME_FIELD_BYTES = 65;

interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface HeadFinding {
  readonly kind: 'damage' | 'contradiction';
  readonly text: string;
}

/** What no writer leaves in a head, one line each. */
export function headDamage(file: KdumpFile, codecFlags: number): HeadFinding[] {
  const damage = [
    ...headerDamage(file, codecFlags),
    ...noteDamage(file),
    ...paddingDamage(file),
    ...bitmapDamage(file),
  ];
  return [
    ...damage.map(text => ({ kind: 'damage' as const, text })),
    ...contradictions(file).map(text => ({ kind: 'contradiction' as const, text })),
  ];
}

function headerDamage({ header, sub, max_mapnr, source }: KdumpFile, codecFlags: number): string[] {
  const texts: string[] = [];
  const { status, header_version } = header;
  if ((status & ~(codecFlags | DUMP_DH_COMPRESSED_INCOMPLETE)) !== 0)
    texts.push(`status is 0x${status.toString(16)}, which has flags of no codec`);
  if (header_version >= 6 && header.max_mapnr !== Math.min(max_mapnr, 0xffff_ffff))
    texts.push(`max_mapnr is ${header.max_mapnr}, but max_mapnr_64 is ${max_mapnr}`);
  // The kernel clears a field of the utsname before it writes a name into it.
  const utsname = readRange(source, UTSNAME_OFFSET, UTSNAME_FIELDS * UTSNAME_FIELD_BYTES);
  for (let i = 0; i < UTSNAME_FIELDS; i++) {
    const field = utsname.subarray(i * UTSNAME_FIELD_BYTES, (i + 1) * UTSNAME_FIELD_BYTES);
    const end = field.indexOf(0);
    if (end < 0 || field.subarray(end).some(byte => byte !== 0))
      texts.push('a field of the utsname has bytes after its end');
  }
  if (sub.dump_level < 0 || sub.dump_level > 0xff) texts.push(`dump_level is ${sub.dump_level}`);
  for (const [name, offset, size] of [
    ['vmcoreinfo', sub.offset_vmcoreinfo, sub.size_vmcoreinfo],
    ['notes', sub.offset_note, sub.size_note],
    ['eraseinfo', sub.offset_eraseinfo, sub.size_eraseinfo],
  ] as const) {
    if (offset + size > source.sizeBytes)
      texts.push(`the ${name} end at ${offset + size}, past the end of the file at ${source.sizeBytes}`);
  }
  return texts;
}

function noteDamage({ sub, source }: KdumpFile): string[] {
  const texts = decodeNotes(readRange(source, sub.offset_note, sub.size_note)).warnings;
  if (sub.size_vmcoreinfo === 0) return texts;
  const vmcoreinfo = Vmcoreinfo.decode(readRange(source, sub.offset_vmcoreinfo, sub.size_vmcoreinfo));
  return [...texts, ...vmcoreinfo.warnings];
}

/** The header against vmcoreinfo, which the crashed kernel wrote itself. */
function contradictions({ header, sub, source }: KdumpFile): string[] {
  if (sub.size_vmcoreinfo === 0) return [];
  const vmcoreinfo = Vmcoreinfo.decode(readRange(source, sub.offset_vmcoreinfo, sub.size_vmcoreinfo));
  const texts: string[] = [];
  const { osrelease } = vmcoreinfo;
  if (osrelease !== undefined && header.utsname.release !== '' && osrelease !== header.utsname.release)
    texts.push(`the kernel release is ${header.utsname.release}, but ${osrelease} in vmcoreinfo`);
  const physBase = vmcoreinfo.bigNumber('phys_base');
  if (physBase !== undefined && BigInt.asUintN(64, physBase) !== sub.phys_base)
    texts.push(`phys_base is 0x${sub.phys_base.toString(16)}, but ${physBase} in vmcoreinfo`);
  return texts;
}

function readRange(source: KdumpFile['source'], offset: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, Math.min(sizeBytes, MAX_NOTE_BYTES, source.sizeBytes - offset)));
  return bytes.subarray(0, source.readAt(bytes, offset));
}

/** Every writer leaves zeros between the structures. */
function paddingDamage({ header, sub, source, bitmap1Offset }: KdumpFile): string[] {
  const subHeaderAt = DISKDUMP_HEADER_BLOCKS * header.block_size;
  const used: ByteRange[] = [
    { start: subHeaderAt, end: subHeaderAt + KDUMP_SUB_HEADER_BYTES },
    { start: sub.offset_note, end: sub.offset_note + sub.size_note },
    { start: sub.offset_vmcoreinfo, end: sub.offset_vmcoreinfo + sub.size_vmcoreinfo },
    { start: sub.offset_eraseinfo, end: sub.offset_eraseinfo + sub.size_eraseinfo },
  ];
  used.sort((a, b) => a.start - b.start);
  const texts: string[] = [];
  let at = DISK_DUMP_HEADER_BYTES;
  for (const { start, end } of [...used, { start: bitmap1Offset, end: bitmap1Offset }]) {
    const from = firstNonZero(source, at, Math.min(start, bitmap1Offset));
    if (from !== undefined) texts.push(`byte ${from} is not 0, although it belongs to no structure`);
    at = Math.max(at, end);
  }
  return texts;
}

function firstNonZero(source: KdumpFile['source'], start: number, end: number): number | undefined {
  for (let at = start; at < end; at += CHUNK_BYTES) {
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
    const index = bytes.subarray(0, source.readAt(bytes, at)).findIndex(byte => byte !== 0);
    if (index >= 0) return at + index;
  }
  return undefined;
}

/** A page that is kept must exist, and none may be past the last one. */
function bitmapDamage({ source, bitmap1Offset, bitmapBytes, max_mapnr }: KdumpFile): string[] {
  const chunkBytes = Math.min(CHUNK_BYTES, bitmapBytes);
  const [first, second] = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
  let strays = 0;
  let past = 0;
  let example = -1;
  for (let at = 0; at < bitmapBytes; at += chunkBytes) {
    const lengthBytes = Math.min(chunkBytes, bitmapBytes - at);
    source.readAt(first.subarray(0, lengthBytes), bitmap1Offset + at);
    source.readAt(second.subarray(0, lengthBytes), bitmap1Offset + bitmapBytes + at);
    for (let i = 0; i < lengthBytes; i++) {
      const pfn = (at + i) * 8;
      const allowed = pfn + 8 <= max_mapnr ? 0xff : pfn >= max_mapnr ? 0 : (1 << (max_mapnr % 8)) - 1;
      if (((first[i] | second[i]) & ~allowed) !== 0) past++;
      if ((second[i] & ~first[i] & allowed) === 0) continue;
      strays++;
      if (example < 0) example = pfn;
    }
  }
  const texts: string[] = [];
  if (past > 0)
    texts.push(`${counted(past, 'byte')} of the bitmaps has bits past the last page, ${max_mapnr - 1}`);
  if (strays > 0) texts.push(`near page ${example} the bitmaps have a page that is kept but does not exist`);
  return texts;
}
