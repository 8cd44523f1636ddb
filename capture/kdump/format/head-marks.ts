/**
 * The two fields in the head of a dump that give its format and its completeness, for both formats: the signature
 * and the flag of an incomplete dump (`status` of disk_dump_header, `e_flags` of an ELF core as makedumpfile uses it).
 */
import { DISK_DUMP_HEADER_BYTES, DUMP_DH_COMPRESSED_INCOMPLETE, KDUMP_SIGNATURE } from './header.ts';

/** DUMP_ELF_INCOMPLETE, makedumpfile's own */
export const DUMP_ELF_INCOMPLETE = 0x1;
/** In both formats the marks are before this offset. */
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

/** The marks of the format of this head, which may lack its signature. */
export function headMarks(head: Uint8Array): HeadMarks {
  const isElf = head.length >= 56 && head[ELF64_EHDR_E_EHSIZE] === 64 && head[ELF64_EHDR_E_EHSIZE + 2] === 56;
  return isElf ? ELF : KDUMP;
}

/** The ranges of the marks in a head, half-open and in order. */
export function markedRanges({ flagsOffset }: HeadMarks): readonly (readonly [number, number])[] {
  return [
    [0, SIGNATURE_BYTES],
    [flagsOffset, flagsOffset + 4],
  ];
}

/** Marks `head` as that of an incomplete dump, and adds the signature if it is missing. */
export function markIncomplete(head: Uint8Array): void {
  const marks = headMarks(head);
  head.set(marks.signature);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  view.setUint32(marks.flagsOffset, view.getUint32(marks.flagsOffset, true) | marks.incompleteFlag, true);
}

/** Whether `head` is that of a dump, and has the mark of an incomplete one. */
export function isMarkedIncomplete(head: Uint8Array): boolean {
  const { signature, flagsOffset, incompleteFlag } = headMarks(head);
  if (head.length < HEAD_BYTES || signature.some((byte, i) => head[i] !== byte)) return false;
  const flags = new DataView(head.buffer, head.byteOffset, head.length).getUint32(flagsOffset, true);
  return (flags & incompleteFlag) !== 0;
}
