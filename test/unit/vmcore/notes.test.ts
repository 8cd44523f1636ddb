import { describe, expect, it } from 'vitest';
import { decodeNotes, prstatusNotes, vmcoreinfoNote } from '../../../capture/vmcore/notes.ts';
import { encodeNotes, type NoteSpec } from '../../support/vmcore-builder.ts';

const desc = (lengthBytes: number, fill = 9) => new Uint8Array(lengthBytes).fill(fill);
const base: NoteSpec[] = [
  { name: 'CORE', type: 1, desc: desc(336, 1) },
  { name: 'CORE', type: 1, desc: desc(336, 2) },
  { name: 'VMCOREINFO', type: 0, desc: desc(33, 65) },
];

describe('decodeNotes', () => {
  it('finds every CPU and vmcoreinfo, and where their bytes are', () => {
    const bytes = encodeNotes(base);
    const { notes, warnings } = decodeNotes(bytes);
    expect(warnings).toEqual([]);
    expect(prstatusNotes(notes).map(note => note.desc[0])).toEqual([1, 2]);
    const info = vmcoreinfoNote(notes)!;
    expect(info.desc).toEqual(Buffer.from(desc(33, 65)));
    expect(bytes.subarray(info.descOffset, info.descOffset + 33)).toEqual(info.desc);
  });

  it.each([0, 1, 2, 3, 4, 5, 7, 8])('pads a desc of %i bytes to 4', lengthBytes => {
    const bytes = encodeNotes([{ name: 'A', type: 5, desc: desc(lengthBytes) }, base[0]!]);
    const { notes, warnings } = decodeNotes(bytes);
    expect(warnings).toEqual([]);
    expect(notes.map(note => [note.name, note.type, note.desc.length])).toEqual([
      ['A', 5, lengthBytes],
      ['CORE', 1, 336],
    ]);
  });

  it('takes only CORE for registers, and only type 0 for vmcoreinfo', () => {
    const { notes } = decodeNotes(
      encodeNotes([
        { name: 'LINUX', type: 1, desc: desc(4) },
        { name: 'VMCOREINFO', type: 1, desc: desc(4) },
        { name: 'VMCOREINFO_XEN', type: 0, desc: desc(4) },
        { name: 'VMCOREINFO', type: 0, desc: desc(0) },
      ]),
    );
    expect(prstatusNotes(notes)).toEqual([]);
    expect(vmcoreinfoNote(notes)).toBeUndefined();
  });

  it('steps over the empty notes that end a CPU buffer', () => {
    const bytes = Buffer.concat([
      encodeNotes(base.slice(0, 1)),
      Buffer.alloc(24),
      encodeNotes(base.slice(1)),
    ]);
    const { notes, warnings } = decodeNotes(bytes);
    expect([notes.length, warnings]).toEqual([3, []]);
  });

  it('takes a name without its NUL', () => {
    const bytes = Buffer.from('040000000000000001000000434f5245', 'hex');
    expect(decodeNotes(bytes).notes[0]!.name).toBe('CORE');
  });

  it('cut at any byte, keeps the notes before the cut', () => {
    const bytes = encodeNotes(base);
    const ends = [0, 356, 712, 712 + 12 + 12 + 33];
    for (let length = 0; length < bytes.length; length++) {
      const { notes, warnings } = decodeNotes(bytes.subarray(0, length));
      const whole = ends.filter(end => end > 0 && end <= length).length;
      expect(notes.length, `${length} bytes`).toBe(whole);
      const atEnd = length === 0 || ends.includes(length) || length >= ends.at(-1)!;
      if (!atEnd) expect(warnings, `${length} bytes`).toHaveLength(1);
    }
  });

  it.each([0x7fffffff, 0x80000000, 0xfffffffd, 0xffffffff])('a size of %s ends the parse', size => {
    for (const field of [0, 4]) {
      const bytes = Buffer.from(encodeNotes(base));
      bytes.writeUInt32LE(size, 356 + field);
      const { notes, warnings } = decodeNotes(bytes);
      expect(notes).toHaveLength(1);
      expect(warnings).toEqual([expect.stringContaining('the note at byte 356')]);
    }
  });
});
