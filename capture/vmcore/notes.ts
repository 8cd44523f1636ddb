/**
 * The notes of a vmcore: one NT_PRSTATUS for each CPU and VMCOREINFO, in the PT_NOTE segment that fs/proc/vmcore.c merges.
 * The layout is that of the gABI's "Note Section", with both parts padded to 4 bytes.
 */
import { counted } from '../errors.ts';

export const NT_PRSTATUS = 1;
const NT_VMCOREINFO = 0;
const NT_ERASEINFO = 0;
export const NHDR_BYTES = 12;

/** Offsets are in bytes from the start of the note. */
export interface NoteHeader {
  readonly n_namesz: number;
  readonly n_type: number;
  /** Without the terminating NUL, as far as it was within the bytes that were decoded. */
  readonly name: string;
  readonly descOffset: number;
  readonly descEnd: number;
  readonly nextOffset: number;
}

export interface Note {
  /** Without the terminating NUL. */
  readonly name: string;
  readonly type: number;
  /** Where the desc begins, in bytes from the start of the PT_NOTE bytes. */
  readonly descOffset: number;
  readonly desc: Uint8Array;
}

/** The note at byte `at` of `bytes`, which hold at least its NHDR_BYTES. Sizes are not checked. */
export function decodeNoteHeader(bytes: Uint8Array, at: number): NoteHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const n_namesz = view.getUint32(at, true);
  const n_descsz = view.getUint32(at + 4, true);
  const descOffset = NHDR_BYTES + paddedTo4(n_namesz);
  const descEnd = descOffset + n_descsz;
  return {
    n_namesz,
    n_type: view.getUint32(at + 8, true),
    name: textOf(bytes.subarray(at + NHDR_BYTES, at + NHDR_BYTES + n_namesz)),
    descOffset,
    descEnd,
    nextOffset: descOffset + paddedTo4(n_descsz),
  };
}

/** Degradable: a note that does not fit ends the parse, with a warning and the notes before it. */
export function decodeNotes(bytes: Uint8Array): { notes: Note[]; warnings: string[] } {
  const notes: Note[] = [];
  const warnings: string[] = [];
  let at = 0;
  while (at + NHDR_BYTES <= bytes.length) {
    const { n_namesz, n_type, name, descOffset, descEnd, nextOffset } = decodeNoteHeader(bytes, at);
    if (at + descEnd > bytes.length) {
      warnings.push(
        `the note at byte ${at} of the PT_NOTE ends at ${at + descEnd}, past its end at ${bytes.length}; ` +
          `only the ${counted(notes.length, 'note')} before it can be used`,
      );
      return { notes, warnings };
    }
    // A per-CPU buffer ends with an empty note, which may have been left in.
    if (n_namesz > 0) {
      const desc = bytes.subarray(at + descOffset, at + descEnd);
      notes.push({ name, type: n_type, descOffset: at + descOffset, desc });
    }
    at += nextOffset;
  }
  if (at < bytes.length && bytes.subarray(at).some(byte => byte !== 0)) {
    warnings.push(`the PT_NOTE ends with ${counted(bytes.length - at, 'byte')} that are not a note`);
  }
  return { notes, warnings };
}

export function isPrstatus({ name, n_type }: Pick<NoteHeader, 'name' | 'n_type'>): boolean {
  return n_type === NT_PRSTATUS && name === 'CORE';
}

export function isVmcoreinfo({ name, n_type }: Pick<NoteHeader, 'name' | 'n_type'>): boolean {
  return n_type === NT_VMCOREINFO && name === 'VMCOREINFO';
}

/** The registers of each CPU that was online, in the kernel's order. */
export function prstatusNotes(notes: readonly Note[]): Note[] {
  return notes.filter(({ name, type }) => isPrstatus({ name, n_type: type }));
}

/** The last one that is not empty, like makedumpfile. */
export function vmcoreinfoNote(notes: readonly Note[]): Note | undefined {
  return notes.findLast(({ name, type, desc }) => isVmcoreinfo({ name, n_type: type }) && desc.length > 0);
}

/** Names what makedumpfile has erased from an ELF core. */
export function eraseinfoNote(notes: readonly Note[]): Note | undefined {
  return notes.findLast(
    ({ name, type, desc }) => type === NT_ERASEINFO && name === 'ERASEINFO' && desc.length > 0,
  );
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

/** Arithmetic, not `& ~3`: sizes are untrusted and unsigned, and JS bit operators are signed. */
function paddedTo4(lengthBytes: number): number {
  return Math.ceil(lengthBytes / 4) * 4;
}
