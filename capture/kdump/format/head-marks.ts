/**
 * The two fields in the head of a dump that say what it is and whether it is whole, in either format: the signature,
 * and the flag of an incomplete dump (`status` of disk_dump_header, `e_flags` of an ELF core as makedumpfile uses it).
 */
import { DISK_DUMP_HEADER_BYTES, DUMP_DH_COMPRESSED_INCOMPLETE, KDUMP_SIGNATURE } from './header.ts';

/** DUMP_ELF_INCOMPLETE, makedumpfile's own */
export const DUMP_ELF_INCOMPLETE = 0x1;
/** Whatever the format, the marks lie before this. */
export const HEAD_BYTES = DISK_DUMP_HEADER_BYTES;

export interface HeadMarks {
  readonly signature: Uint8Array;
  /** Where the flags begin, a little-endian u32. */
  readonly flagsOffset: number;
  readonly incompleteFlag: number;
}

const SIGNATURE_BYTES = 8;
const ELF64_EHDR_E_FLAGS = 48;
const ELF64_EHDR_E_EHSIZE = 52;

const KDUMP: HeadMarks = {
  signature: new TextEncoder().encode(KDUMP_SIGNATURE),
  flagsOffset: 424,
  incompleteFlag: DUMP_DH_COMPRESSED_INCOMPLETE,
};
const ELF: HeadMarks = {
  signature: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0),
  flagsOffset: ELF64_EHDR_E_FLAGS,
  incompleteFlag: DUMP_ELF_INCOMPLETE,
};

/** By the head of a dump, which may lack its signature. */
export function headMarks(head: Uint8Array): HeadMarks {
  const isElf = head.length >= 56 && head[ELF64_EHDR_E_EHSIZE] === 64 && head[ELF64_EHDR_E_EHSIZE + 2] === 56;
  return isElf ? ELF : KDUMP;
}

/** The ranges of a head that carry the marks, half-open and in order. */
export function markedRanges({ flagsOffset }: HeadMarks): readonly (readonly [number, number])[] {
  return [
    [0, SIGNATURE_BYTES],
    [flagsOffset, flagsOffset + 4],
  ];
}

/** Makes `head` that of an incomplete dump, with a signature even where it came without. */
export function markIncomplete(head: Uint8Array): void {
  const marks = headMarks(head);
  head.set(marks.signature);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  view.setUint32(marks.flagsOffset, view.getUint32(marks.flagsOffset, true) | marks.incompleteFlag, true);
}
