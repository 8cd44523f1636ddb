/** A vmcore opened: its headers, its notes, the crashed kernel's vmcoreinfo and where each physical address lies. */
import { VmcoreError } from '../errors.ts';
import { type Elf, type ProgramHeader, PT_NOTE, readElf, readUpTo } from './elf.ts';
import { MACHINES } from './machines.ts';
import { decodeNotes, type Note, prstatusNotes, vmcoreinfoNote } from './notes.ts';
import { buildSegments, SegmentIndex } from './segments.ts';
import type { ByteSource } from './source.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

/** Notes are some 500 bytes a CPU; more than this is a damaged header. */
const MAX_NOTE_BYTES = 16 * 2 ** 20;

export interface Vmcore {
  readonly source: ByteSource;
  readonly elf: Elf;
  readonly segments: SegmentIndex;
  readonly pageSizeBytes: number;
  readonly notes: readonly Note[];
  /** The PT_NOTE segment's bytes as they are in the file: the kdump format stores them whole. */
  readonly noteBytes: Uint8Array;
  /** Empty when the vmcore has none. */
  readonly vmcoreinfo: Vmcoreinfo;
  readonly vmcoreinfoBytes: Uint8Array;
  /** Where `vmcoreinfoBytes` begin in `noteBytes`; undefined when there is no vmcoreinfo. */
  readonly vmcoreinfoOffset: number | undefined;
  /** What did not make sense, one line each, for the log and the manifest. */
  readonly warnings: readonly string[];
}

/**
 * Fatal: no ELF core, or no memory in it. Degradable, with a warning: notes, vmcoreinfo, single PT_LOADs.
 * @throws VmcoreError, and SystemError when the source cannot be read.
 */
export function openVmcore(source: ByteSource): Vmcore {
  const elf = readElf(source);
  const { segments, warnings: segmentWarnings } = buildSegments(elf.programHeaders, source.sizeBytes);
  if (segments.length === 0) {
    throw new VmcoreError(
      'VMCORE_NO_MEMORY',
      {
        action: `open ${source.name} as a vmcore`,
        actual: 'no PT_LOAD in it is usable',
        wanted: 'one at least',
      },
      { programHeaders: elf.programHeaders.length, sizeBytes: source.sizeBytes },
    );
  }
  const warnings = [...elf.warnings, ...segmentWarnings];
  const noteBytes = readNoteBytes(source, elf.programHeaders, warnings);
  const { notes, warnings: noteWarnings } = decodeNotes(noteBytes);
  warnings.push(...noteWarnings);
  if (prstatusNotes(notes).length === 0)
    warnings.push('no CPU left its registers (NT_PRSTATUS) in the PT_NOTE');

  const note = vmcoreinfoNote(notes);
  if (!note) warnings.push('there is no VMCOREINFO note: nothing is known of the crashed kernel');
  const vmcoreinfoBytes = note?.desc ?? new Uint8Array();
  const vmcoreinfo = Vmcoreinfo.decode(vmcoreinfoBytes);
  warnings.push(...vmcoreinfo.warnings);
  const pageSizeBytes = pageSizeOf(elf, vmcoreinfo, warnings);
  source.allowMapping?.(
    segments.map(({ fileOffset, fileBytes }) => ({ start: fileOffset, end: fileOffset + fileBytes })),
    pageSizeBytes,
  );
  return {
    source,
    elf,
    segments: new SegmentIndex(segments),
    pageSizeBytes,
    notes,
    noteBytes,
    vmcoreinfo,
    vmcoreinfoBytes,
    vmcoreinfoOffset: note?.descOffset,
    warnings,
  };
}

/** Reads physical memory; returns how many bytes from `paddr` on the vmcore holds without a gap, at most `into.length`. */
export type ReadPhysical = (paddr: number, into: Uint8Array) => number;

export function readPhysical(
  vmcore: Pick<Vmcore, 'source' | 'segments'>,
  paddr: number,
  into: Uint8Array,
): number {
  const { source, segments } = vmcore;
  let done = 0;
  while (done < into.length) {
    const offset = segments.fileOffset(paddr + done);
    if (offset === undefined) break;
    const lengthBytes = Math.min(into.length - done, segments.fileRunBytes(paddr + done));
    const read = source.readAt(into.subarray(done, done + lengthBytes), offset);
    done += read;
    if (read < lengthBytes) break;
  }
  return done;
}

/** As `readPhysical`, but goes on behind gaps, which read as zeros. Returns how many bytes the vmcore holds. */
export function readPhysicalOrZeros(
  vmcore: Pick<Vmcore, 'source' | 'segments'>,
  paddr: number,
  into: Uint8Array,
): number {
  let held = 0;
  let done = 0;
  while (done < into.length) {
    const read = readPhysical(vmcore, paddr + done, into.subarray(done));
    held += read;
    done += read;
    if (done === into.length) break;
    const next = nextHeldPaddr(vmcore.segments, paddr + done);
    const gapEnd = Math.min(into.length, next - paddr);
    into.fill(0, done, gapEnd);
    done = gapEnd;
  }
  return held;
}

/** Strictly above `paddr`, so that a source that reads short does not hold the caller up. */
function nextHeldPaddr(segments: SegmentIndex, paddr: number): number {
  let at = paddr + 1;
  for (;;) {
    const segment = segments.atOrAfter(at);
    if (!segment) return Number.POSITIVE_INFINITY;
    if (at < segment.start + segment.fileBytes) return Math.max(at, segment.start);
    at = segment.end;
  }
}

function readNoteBytes(
  source: ByteSource,
  programHeaders: readonly ProgramHeader[],
  warnings: string[],
): Uint8Array {
  const parts: Uint8Array[] = [];
  let budgetBytes = MAX_NOTE_BYTES;
  for (const { p_type, p_offset, p_filesz } of programHeaders) {
    if (p_type !== PT_NOTE) continue;
    const offset = p_offset < BigInt(source.sizeBytes) ? Number(p_offset) : source.sizeBytes;
    const wantedBytes = p_filesz < BigInt(budgetBytes) ? Number(p_filesz) : budgetBytes;
    const bytes = readUpTo(source, offset, wantedBytes);
    if (BigInt(bytes.length) < p_filesz) {
      warnings.push(`the PT_NOTE has 0x${p_filesz.toString(16)} bytes, of which ${bytes.length} are usable`);
    }
    budgetBytes -= bytes.length;
    parts.push(bytes);
  }
  return parts.length === 1 ? parts[0]! : concatenate(parts);
}

/** Each part begins where a note can begin. */
function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const padded = (part: Uint8Array) => Math.ceil(part.length / 4) * 4;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + padded(part), 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += padded(part);
  }
  return whole;
}

function pageSizeOf(elf: Elf, vmcoreinfo: Vmcoreinfo, warnings: string[]): number {
  const { pageSizesBytes } = MACHINES[elf.header.e_machine]!;
  const recorded = vmcoreinfo.pageSize;
  if (recorded !== undefined && pageSizesBytes.includes(recorded)) return recorded;
  const assumed = pageSizesBytes[0]!;
  warnings.push(
    `vmcoreinfo has no usable page size (${vmcoreinfo.value('PAGESIZE') ?? 'none'}); ${assumed} is assumed`,
  );
  return assumed;
}
