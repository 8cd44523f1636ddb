/**
 * A vmcore to make mutants of, with the places that a capture reads in it. They are found by watching a capture of the
 * unchanged file, so they are the structures that matter, whatever the kernel.
 */

import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import { PT_NOTE, readElf, readUpTo } from '../../../capture/vmcore/elf.ts';
import { decodeNotes, vmcoreinfoNote } from '../../../capture/vmcore/notes.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { readAll } from './property.ts';

export interface Place {
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface Base {
  readonly name: string;
  readonly source: ByteSource;
  /** Fields of the ELF header and the program headers. */
  readonly headFields: readonly Place[];
  /** n_namesz, n_descsz, n_type of each note. */
  readonly noteFields: readonly Place[];
  readonly vmcoreinfo: Place & { readonly text: string };
  /** What is read in small pieces: page table entries, sections, rings, names. */
  readonly structures: readonly Place[];
  /** Runs of struct pages. */
  readonly memmaps: readonly Place[];
}

const STRUCTURE_BYTES = 1 << 15;

/** @param read what reads the file while it is watched. */
export function openBase(
  name: string,
  source: ByteSource,
  read: (source: ByteSource) => void = readAll,
): Base {
  const structures = new Map<string, Place>();
  const memmaps = new Map<string, Place>();
  const note = (into: Map<string, Place>, offset: number, lengthBytes: number) =>
    into.set(`${offset} ${lengthBytes}`, { offset, lengthBytes });
  const watched: ByteSource = {
    name: source.name,
    sizeBytes: source.sizeBytes,
    maxWindowBytes: source.maxWindowBytes,
    readAt(into, offset) {
      if (into.length > 0 && into.length <= STRUCTURE_BYTES) note(structures, offset, into.length);
      return source.readAt(into, offset);
    },
    window(offset, lengthBytes) {
      note(memmaps, offset, lengthBytes);
      return source.window(offset, lengthBytes);
    },
  };
  read(watched);
  return {
    name,
    source,
    ...(isKdumpFile(readUpTo(source, 0, 16)) ? kdumpFields(source) : elfFields(source)),
    structures: [...structures.values()],
    memmaps: [...memmaps.values()],
  };
}

type Fields = Pick<Base, 'headFields' | 'noteFields' | 'vmcoreinfo'>;

function elfFields(source: ByteSource): Fields {
  const { header, programHeaders } = readElf(source);
  const headFields: Place[] = [16, 18, 52, 54, 56].map(offset => ({ offset, lengthBytes: 2 }));
  headFields.push({ offset: 32, lengthBytes: 8 }, { offset: 40, lengthBytes: 8 });
  for (const index of programHeaders.keys()) {
    const at = Number(header.e_phoff) + index * header.e_phentsize;
    headFields.push({ offset: at, lengthBytes: 4 });
    for (const field of [8, 16, 24, 32, 40]) headFields.push({ offset: at + field, lengthBytes: 8 });
  }
  const { p_offset, p_filesz } = programHeaders.find(({ p_type }) => p_type === PT_NOTE)!;
  return { headFields, ...notesAt(source, Number(p_offset), Number(p_filesz)) };
}

function kdumpFields(source: ByteSource): Fields {
  const head = readUpTo(source, 0, 8192);
  const view = new DataView(head.buffer);
  const headFields: Place[] = [8, 424, 428, 432, 436, 440, 460].map(offset => ({ offset, lengthBytes: 4 }));
  for (let at = 0; at < 104; at += 8) headFields.push({ offset: 4096 + at, lengthBytes: 8 });
  const [offset, size] = [48, 56].map(at => Number(view.getBigUint64(4096 + at, true)));
  return { headFields, ...notesAt(source, offset, size) };
}

function notesAt(source: ByteSource, at: number, sizeBytes: number): Pick<Base, 'noteFields' | 'vmcoreinfo'> {
  const { notes } = decodeNotes(readUpTo(source, at, sizeBytes));
  const noteFields = notes.flatMap(({ descOffset, name }) => {
    const begin = at + descOffset - Math.ceil((name.length + 1) / 4) * 4 - 12;
    return [0, 4, 8].map(field => ({ offset: begin + field, lengthBytes: 4 }));
  });
  const { desc, descOffset } = vmcoreinfoNote(notes)!;
  const text = Buffer.from(desc).toString('latin1');
  return { noteFields, vmcoreinfo: { offset: at + descOffset, lengthBytes: desc.length, text } };
}
