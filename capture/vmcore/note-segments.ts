/**
 * The bytes of a vmcore's PT_NOTE segments, within bounds. They are small as a rule, some 500 bytes for each CPU, but a driver
 * can add a device dump of any size (NT_VMCOREDD, CONFIG_PROC_VMCORE_DEVICE_DUMP), and the
 * kernel puts it before all others.
 */
import { counted } from '../errors.ts';
import { type ProgramHeader, PT_NOTE, readUpTo } from './elf.ts';
import { decodeNoteHeader, isPrstatus, isVmcoreinfo, NHDR_BYTES, type NoteHeader } from './notes.ts';
import type { ByteSource } from './source.ts';

/** Up to here the segments are taken as they are. More than 8000 CPUs fit. */
const WHOLE_BYTES = 4 << 20;
/** Beyond, the notes are picked: those of CPUs and VMCOREINFO up to this much, */
const NEEDED_BYTES = 16 << 20;
/** and then others as long as all of them take no more than this. */
const OTHER_BYTES = 4 << 20;
/** A damaged segment can be a mere run of empty notes. */
const MAX_NOTES = 1 << 18;
/** All names that the kernel writes are shorter. */
const NAME_BYTES = 32;

interface NoteRange extends NoteHeader {
  readonly name: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Degradable: what is not in the file or beyond the bounds is left out, with a warning. @throws what the source throws. */
export function readNoteSegments(
  source: ByteSource,
  programHeaders: readonly ProgramHeader[],
  warnings: string[],
): Uint8Array {
  const segments = programHeaders
    .filter(({ p_type }) => p_type === PT_NOTE)
    .map(header => heldPart(source, header, warnings));
  const totalBytes = segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const parts =
    totalBytes <= WHOLE_BYTES
      ? segments
      : pickNotes(
          segments.flatMap(segment => [...noteRanges(source, segment, warnings)]),
          warnings,
        );
  return joinNotes(parts.map(({ offset, lengthBytes }) => readUpTo(source, offset, lengthBytes)));
}

interface FilePart {
  readonly offset: number;
  readonly lengthBytes: number;
}

function heldPart(source: ByteSource, { p_offset, p_filesz }: ProgramHeader, warnings: string[]): FilePart {
  const offset = p_offset < BigInt(source.sizeBytes) ? Number(p_offset) : source.sizeBytes;
  const roomBytes = source.sizeBytes - offset;
  if (p_filesz <= BigInt(roomBytes)) return { offset, lengthBytes: Number(p_filesz) };
  warnings.push(
    `the PT_NOTE has 0x${p_filesz.toString(16)} bytes, but the file holds only ${roomBytes} of them`,
  );
  return { offset, lengthBytes: roomBytes };
}

/** Finds the notes by their headers, without reading them. Ends at one that does not fit. */
function* noteRanges(
  source: ByteSource,
  { offset, lengthBytes }: FilePart,
  warnings: string[],
): Generator<NoteRange, void> {
  let at = 0;
  for (let count = 0; at + NHDR_BYTES <= lengthBytes; count++) {
    const bytes = readUpTo(source, offset + at, Math.min(NHDR_BYTES + NAME_BYTES, lengthBytes - at));
    if (bytes.length < NHDR_BYTES) return;
    const header = decodeNoteHeader(bytes, 0);
    if (at + header.descEnd > lengthBytes || count === MAX_NOTES) {
      warnings.push(`the PT_NOTE is damaged at byte ${at}; ${counted(count, 'note')} before it are used`);
      return;
    }
    const noteBytes = Math.min(header.nextOffset, lengthBytes - at);
    if (header.n_namesz > 0) yield { ...header, offset: offset + at, lengthBytes: noteBytes };
    at += header.nextOffset;
  }
}

/** The needed ones first; returned in the order of the file. */
function pickNotes(notes: readonly NoteRange[], warnings: string[]): readonly NoteRange[] {
  const picked = new Set<NoteRange>();
  let usedBytes = 0;
  const pick = (candidates: readonly NoteRange[], limitBytes: number): void => {
    for (const note of candidates) {
      if (usedBytes + note.lengthBytes > limitBytes) continue;
      usedBytes += note.lengthBytes;
      picked.add(note);
    }
  };
  pick(notes.filter(isVmcoreinfo), NEEDED_BYTES);
  pick(notes.filter(isPrstatus), NEEDED_BYTES);
  pick(notes, OTHER_BYTES);
  const rest = notes.filter(note => !picked.has(note));
  if (rest.length > 0) {
    const restBytes = rest.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    const names = [...new Set(rest.map(({ name, n_type }) => `${name} 0x${n_type.toString(16)}`))].slice(
      0,
      4,
    );
    warnings.push(
      `${counted(rest.length, 'note')} (${names.join(', ')}) of ${restBytes} bytes left out of the dump: too large`,
    );
  }
  return notes.filter(note => picked.has(note));
}

/** Each part begins at a multiple of 4, where a note can begin. */
function joinNotes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const padded = (part: Uint8Array) => Math.ceil(part.length / 4) * 4;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + padded(part), 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += padded(part);
  }
  return whole;
}
