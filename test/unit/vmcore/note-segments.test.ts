/** Notes of any size: what a dump needs is found, and what is too large is never read. */
import { describe, expect, test } from 'vitest';
import { prstatusNotes } from '../../../capture/vmcore/notes.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { buildVmcore, encodeNotes, MemorySource, type NoteSpec } from '../../support/vmcore-builder.ts';

const MIB = 1 << 20;
const loads = [{ paddr: 0x1000, bytes: new Uint8Array(0x1000).fill(1) }];
/** NT_VMCOREDD (include/uapi/linux/vmcore.h). */
const deviceDump = (lengthBytes: number): NoteSpec => ({
  name: 'LINUX',
  type: 0x700,
  desc: new Uint8Array(lengthBytes).fill(0xdd),
});

class CountingSource extends MemorySource {
  bytesRead = 0;
  override readAt(into: Uint8Array, offset: number): number {
    this.bytesRead += into.length;
    return super.readAt(into, offset);
  }
}

function open(notesFirst: readonly NoteSpec[], cpus = 3) {
  const source = new CountingSource(buildVmcore({ loads, cpus, notesFirst }));
  return { source, vmcore: openVmcore(source) };
}

test.each([
  ['a device dump of 33 MiB', [deviceDump(33 * MIB)], 0],
  ['many of 1 MiB, which together are too large', Array.from({ length: 20 }, () => deviceDump(MIB)), 3],
  ['a small one behind a large one', [deviceDump(33 * MIB), deviceDump(1000)], 1],
])('%s before VMCOREINFO', (_, dumps, kept) => {
  const { source, vmcore } = open(dumps);
  expect(vmcore.vmcoreinfo.osrelease).toBe('6.1.0');
  expect(prstatusNotes(vmcore.notes)).toHaveLength(3);
  const at = vmcore.vmcoreinfoOffset!;
  expect(vmcore.noteBytes.subarray(at, at + vmcore.vmcoreinfoBytes.length)).toEqual(vmcore.vmcoreinfoBytes);
  expect(vmcore.notes.filter(({ type }) => type === 0x700)).toHaveLength(kept);
  expect(vmcore.noteBytes.length).toBeLessThan(5 * MIB);
  expect(source.bytesRead).toBeLessThan(5 * MIB);
  expect(vmcore.warnings).toEqual([expect.stringMatching(/notes? \(LINUX 0x700\) of \d+ bytes left out/)]);
});

test('notes of a usual size are taken as they are in the file', () => {
  const { vmcore } = open([deviceDump(3 * MIB)]);
  const notes = encodeNotes([deviceDump(3 * MIB)]);
  expect(Buffer.compare(vmcore.noteBytes.subarray(0, notes.length), notes)).toBe(0);
  const inFile = vmcore.elf.programHeaders[0]!.p_filesz;
  expect([vmcore.warnings, BigInt(vmcore.noteBytes.length)]).toEqual([[], inFile]);
});

test('the registers of more CPUs than any machine has are taken too', () => {
  const { vmcore } = open([], 20_000);
  expect(prstatusNotes(vmcore.notes)).toHaveLength(20_000);
  expect([vmcore.vmcoreinfo.osrelease, vmcore.warnings]).toEqual(['6.1.0', []]);
});

describe('damaged', () => {
  test('the notes before a broken one are used', () => {
    const file = buildVmcore({ loads, cpus: 3, notesFirst: [deviceDump(5 * MIB)], notes: [deviceDump(8)] });
    const view = new DataView(file.buffer);
    const notesAt = Number(view.getBigUint64(64 + 8, true));
    const size = Number(view.getBigUint64(64 + 32, true));
    view.setUint32(notesAt + size - 28 + 4, 0xffff_ffff, true);
    const vmcore = openVmcore(new MemorySource(file));
    expect(vmcore.vmcoreinfo.osrelease).toBe('6.1.0');
    expect(vmcore.warnings.join('\n')).toMatch(/damaged at byte \d+; 5 notes before it are used/);
  });

  test('a segment of nothing but empty notes comes to an end', () => {
    const empty = { name: '', type: 0, desc: new Uint8Array(0) };
    const file = buildVmcore({
      loads,
      cpus: 0,
      vmcoreinfo: null,
      notes: [{ ...empty, desc: new Uint8Array(8 * MIB) }],
    });
    const notesAt = Number(new DataView(file.buffer).getBigUint64(64 + 8, true));
    file.fill(0, notesAt, notesAt + 8 * MIB);
    expect(openVmcore(new MemorySource(file)).warnings.join('\n')).toMatch(/damaged at byte 3145728/);
  });
});
