/** Opens a vmcore: its headers, its notes, the crashed kernel's vmcoreinfo, and where in the file each physical address is. */
import { SystemError, VmcoreError } from '../errors.ts';
import { type Elf, readElf } from './elf.ts';
import { MACHINES } from './machines.ts';
import { readNoteSegments } from './note-segments.ts';
import { decodeNotes, type Note, prstatusNotes, vmcoreinfoNote } from './notes.ts';
import { buildSegments, SegmentIndex } from './segments.ts';
import type { ByteSource } from './source.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

export interface Vmcore {
  readonly source: ByteSource;
  readonly elf: Elf;
  readonly segments: SegmentIndex;
  /** The machine had memory that is not in `segments`. */
  readonly lacksMemory?: boolean;
  readonly pageSizeBytes: number;
  readonly notes: readonly Note[];
  /** The notes as bytes, as the kdump format stores them: the PT_NOTE segments of the file, unless they are very large. */
  readonly noteBytes: Uint8Array;
  /** Empty when the vmcore has none. */
  readonly vmcoreinfo: Vmcoreinfo;
  readonly vmcoreinfoBytes: Uint8Array;
  /** Where in `noteBytes` the `vmcoreinfoBytes` begin; undefined when there is no vmcoreinfo. */
  readonly vmcoreinfoOffset: number | undefined;
  /** What is damaged or missing, one line each, for the log and the manifest. */
  readonly warnings: readonly string[];
}

/**
 * Notes, vmcoreinfo and single PT_LOADs are degradable, with a warning.
 * @throws VmcoreError when it is not an ELF core or has no memory, SystemError when the source cannot be read.
 */
export function openVmcore(source: ByteSource): Vmcore {
  const elf = readElf(source);
  const {
    segments,
    lacksMemory,
    warnings: segmentWarnings,
  } = buildSegments(elf.programHeaders, source.sizeBytes);
  if (segments.length === 0) {
    throw new VmcoreError(
      'VMCORE_NO_MEMORY',
      {
        action: `open ${source.name} as a vmcore`,
        actual: 'no PT_LOAD in it is usable',
        wanted: 'at least one',
      },
      { programHeaders: elf.programHeaders.length, sizeBytes: source.sizeBytes },
    );
  }
  const warnings = [...elf.warnings, ...segmentWarnings];
  const noteBytes = readNoteSegments(source, elf.programHeaders, warnings);
  const { notes, warnings: noteWarnings } = decodeNotes(noteBytes);
  warnings.push(...noteWarnings);
  if (prstatusNotes(notes).length === 0)
    warnings.push('the PT_NOTE has no registers of any CPU (NT_PRSTATUS)');

  const note = vmcoreinfoNote(notes);
  if (!note) warnings.push('there is no VMCOREINFO note: nothing is known about the crashed kernel');
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
    lacksMemory,
    pageSizeBytes,
    notes,
    noteBytes,
    vmcoreinfo,
    vmcoreinfoBytes,
    vmcoreinfoOffset: note?.descOffset,
    warnings,
  };
}

/** Reads physical memory. Returns how many bytes from `paddr` on the vmcore holds without a gap, at most `into.length`. */
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

/** Like `readPhysical`, but continues after gaps, which become zeros. Returns how many bytes the vmcore holds. */
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
    // Without this, a source that became shorter would be read byte by byte to the end of the segment.
    if (vmcore.segments.fileOffset(paddr + done) !== undefined)
      throw shortRead(vmcore.source.name, into.length, done);
    const next = nextHeldPaddr(vmcore.segments, paddr + done);
    const gapEnd = Math.min(into.length, next - paddr);
    into.fill(0, done, gapEnd);
    done = gapEnd;
  }
  return held;
}

/** The source ended before the end that it had when it was opened. */
export function shortRead(name: string, wantedBytes: number, gotBytes: number): SystemError {
  return new SystemError('SHORTENED', {
    action: `read ${wantedBytes} bytes of ${name}`,
    actual: `only ${gotBytes} could be read`,
    wanted: 'a file that keeps its length while it is read',
  });
}

function nextHeldPaddr(segments: SegmentIndex, paddr: number): number {
  let at = paddr + 1;
  for (;;) {
    const segment = segments.atOrAfter(at);
    if (!segment) return Number.POSITIVE_INFINITY;
    if (at < segment.start + segment.fileBytes) return Math.max(at, segment.start);
    at = segment.end;
  }
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
