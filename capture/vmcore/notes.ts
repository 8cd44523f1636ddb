/**
 * The notes of a vmcore: one NT_PRSTATUS a CPU and the vmcoreinfo, in the PT_NOTE segment that the kernel's
 * fs/proc/vmcore.c merges. The layout is the gABI's "Note Section" with both parts padded to 4 bytes.
 */

export const NT_PRSTATUS = 1;
const NHDR_BYTES = 12;

export interface Note {
  /** Without the terminating NUL. */
  readonly name: string;
  readonly type: number;
  /** Where the desc begins, in bytes from the start of the PT_NOTE bytes. */
  readonly descOffset: number;
  readonly desc: Uint8Array;
}

/** Degradable: a note that does not fit ends the parse, with a warning and the notes before it. */
export function decodeNotes(bytes: Uint8Array): { notes: Note[]; warnings: string[] } {
  const notes: Note[] = [];
  const warnings: string[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + NHDR_BYTES <= bytes.length) {
    const n_namesz = view.getUint32(at, true);
    const n_descsz = view.getUint32(at + 4, true);
    const n_type = view.getUint32(at + 8, true);
    const nameAt = at + NHDR_BYTES;
    const descOffset = nameAt + paddedTo4(n_namesz);
    const descEnd = descOffset + n_descsz;
    if (descEnd > bytes.length) {
      warnings.push(
        `the note at byte ${at} of the PT_NOTE ends at ${descEnd}, past its end at ${bytes.length}; ` +
          `${notes.length} notes before it are used`,
      );
      return { notes, warnings };
    }
    // A per-CPU buffer ends with an empty note; where such a one was left in, it says nothing.
    if (n_namesz > 0) {
      notes.push({
        name: textOf(bytes.subarray(nameAt, nameAt + n_namesz)),
        type: n_type,
        descOffset,
        desc: bytes.subarray(descOffset, descEnd),
      });
    }
    at = descOffset + paddedTo4(n_descsz);
  }
  if (at < bytes.length && bytes.subarray(at).some(byte => byte !== 0)) {
    warnings.push(`the PT_NOTE ends with ${bytes.length - at} bytes that are no note`);
  }
  return { notes, warnings };
}

/** The registers of each CPU that was online, in the kernel's order. */
export function prstatusNotes(notes: readonly Note[]): Note[] {
  return notes.filter(note => note.type === NT_PRSTATUS && note.name === 'CORE');
}

/** The last one that says something, which is the one that makedumpfile takes. */
export function vmcoreinfoNote(notes: readonly Note[]): Note | undefined {
  return notes.findLast(note => note.type === 0 && note.name === 'VMCOREINFO' && note.desc.length > 0);
}

/** What makedumpfile erased from an ELF core before, in its words. */
export function eraseinfoNote(notes: readonly Note[]): Note | undefined {
  return notes.findLast(note => note.type === 0 && note.name === 'ERASEINFO' && note.desc.length > 0);
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

/** Arithmetic, not `& ~3`: n_namesz is an untrusted u32 and JS bit operators are signed. */
function paddedTo4(lengthBytes: number): number {
  return Math.ceil(lengthBytes / 4) * 4;
}
