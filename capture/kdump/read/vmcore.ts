/**
 * A kdump-compressed file as a vmcore, to filter it again. Pages that were left out stay out: in the segments they exist in
 * memory but not in the file.
 */
import type { PageCodecs } from '../../codecs/codec.ts';
import type { Bitmap } from '../../filter/bitmap.ts';
import { readUpTo } from '../../vmcore/elf.ts';
import { eMachineOf } from '../../vmcore/machines.ts';
import { decodeNotes, vmcoreinfoNote } from '../../vmcore/notes.ts';
import type { Vmcore } from '../../vmcore/open.ts';
import { type Segment, SegmentIndex } from '../../vmcore/segments.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { DUMP_DH_COMPRESSED_INCOMPLETE } from '../format/header.ts';
import { readBitmap } from './bitmap.ts';
import { DescriptorReader, isStoredPage, type KdumpFile, openKdumpFile } from './file.ts';
import { KdumpPageSource } from './page-source.ts';

const MAX_NOTE_BYTES = 16 << 20;

export interface KdumpVmcore {
  readonly vmcore: Vmcore;
  readonly file: KdumpFile;
  /** makedumpfile's record of data that was erased from the dump; undefined without one. */
  readonly eraseinfo: Uint8Array | undefined;
  /** Pages that a dump marked incomplete lacks; undefined for one without the mark. */
  readonly pagesMissing: number | undefined;
  /** Frees the decompressors. */
  close(): void;
}

/** @throws DumpFormatError for a file of another format. */
export function openKdumpVmcore(source: ByteSource, codecs: PageCodecs): KdumpVmcore {
  const file = openKdumpFile(source);
  const { header, sub } = file;
  const warnings: string[] = [];
  const noteBytes = readUpTo(source, sub.offset_note, Math.min(sub.size_note, MAX_NOTE_BYTES));
  if (noteBytes.length < sub.size_note)
    warnings.push(`the notes have ${sub.size_note} bytes, of which ${noteBytes.length} are usable`);
  const { notes, warnings: noteWarnings } = decodeNotes(noteBytes);
  const said = vmcoreinfoOf(file, noteBytes) ?? vmcoreinfoNote(notes);
  const vmcoreinfoBytes = said?.desc ?? new Uint8Array();
  const vmcoreinfo = Vmcoreinfo.decode(vmcoreinfoBytes);
  const eraseinfo = eraseinfoOf(file, warnings);
  const { held, pagesMissing } = heldPages(file, warnings);
  const pages = new KdumpPageSource(file, codecs);
  const vmcore: Vmcore = {
    source: pages,
    elf: {
      header: {
        e_type: 4,
        e_machine: eMachineOf(header.utsname.machine) ?? 0,
        e_phoff: 0n,
        e_shoff: 0n,
        e_flags: 0,
        e_phentsize: 0,
        e_phnum: 0,
      },
      programHeaders: [],
      warnings: [],
    },
    segments: new SegmentIndex(segmentsOf(file, held)),
    pageSizeBytes: header.block_size,
    notes,
    noteBytes,
    vmcoreinfo,
    vmcoreinfoBytes,
    vmcoreinfoOffset: said?.descOffset,
    warnings: [...warnings, ...noteWarnings, ...vmcoreinfo.warnings],
  };
  return { vmcore, file, eraseinfo, pagesMissing, close: () => pages.close() };
}

function eraseinfoOf({ source, sub }: KdumpFile, warnings: string[]): Uint8Array | undefined {
  if (sub.size_eraseinfo === 0) return undefined;
  const bytes = readUpTo(source, sub.offset_eraseinfo, Math.min(sub.size_eraseinfo, MAX_NOTE_BYTES));
  if (bytes.length === sub.size_eraseinfo) return bytes;
  warnings.push(`the eraseinfo has ${sub.size_eraseinfo} bytes, of which ${bytes.length} are usable`);
  return bytes.length > 0 ? bytes : undefined;
}

/** By the sub header. `descOffset` is relative to the notes, which hold it from header version 4 on. */
function vmcoreinfoOf(
  { source, sub }: KdumpFile,
  noteBytes: Uint8Array,
): { desc: Uint8Array; descOffset: number | undefined } | undefined {
  const { offset_vmcoreinfo, size_vmcoreinfo, offset_note } = sub;
  if (size_vmcoreinfo === 0) return undefined;
  const desc = readUpTo(source, offset_vmcoreinfo, Math.min(size_vmcoreinfo, MAX_NOTE_BYTES));
  const descOffset = offset_vmcoreinfo - offset_note;
  const isNote = descOffset >= 0 && descOffset + desc.length <= noteBytes.length;
  return { desc, descOffset: isNote ? descOffset : undefined };
}

/** The pages that the file holds: in an incomplete dump, those with a usable descriptor. */
function heldPages(file: KdumpFile, warnings: string[]): { held: Bitmap; pagesMissing: number | undefined } {
  const { bitmap2, header } = file;
  if ((header.status & DUMP_DH_COMPRESSED_INCOMPLETE) === 0)
    return { held: bitmap2, pagesMissing: undefined };
  const held = bitmap2.copy();
  const descriptors = new DescriptorReader(file);
  let pagesMissing = 0;
  let index = 0;
  for (let pfn = bitmap2.nextSet(0); pfn < bitmap2.sizeBits; pfn = bitmap2.nextSet(pfn + 1)) {
    if (isStoredPage(file, descriptors.at(index++))) continue;
    held.clear(pfn);
    pagesMissing++;
  }
  warnings.push(`the dump is incomplete: it lacks ${pagesMissing} of ${index} pages`);
  return { held, pagesMissing };
}

/** A segment for each run of held pages and the omitted pages after it. */
function segmentsOf(file: KdumpFile, held: Bitmap): Segment[] {
  const { source, bitmap1Offset, bitmapBytes, max_mapnr, header } = file;
  const present = readBitmap(source, bitmap1Offset, bitmapBytes, max_mapnr);
  const segments: Segment[] = [];
  const add = (start: number, heldEnd: number, end: number): void => {
    const [paddr, heldPaddr, endPaddr] = [start, heldEnd, end].map(pfn => pfn * header.block_size);
    segments.push({ start: paddr, end: endPaddr, fileOffset: paddr, fileBytes: heldPaddr - paddr });
  };
  for (let pfn = present.nextSet(0); pfn < max_mapnr; pfn = present.nextSet(pfn)) {
    const end = present.nextClear(pfn);
    while (pfn < end) {
      const heldEnd = held.nextClear(pfn, end);
      const next = held.nextSet(heldEnd, end);
      add(pfn, heldEnd, next);
      pfn = next;
    }
  }
  return segments;
}
