/**
 * Writes a dump as an ELF core (makedumpfile -E), for gdb and for tools that read no other format. The header has
 * makedumpfile's flag of an incomplete dump until everything else is written.
 */
import { DumpFormatError } from '../errors.ts';
import { DUMP_LEVEL_ZERO } from '../filter/dump-level.ts';
import { DUMP_ELF_INCOMPLETE } from '../kdump/format/head-marks.ts';
import type { DumpSink } from '../kdump/sink.ts';
import type { Steps } from '../kdump/steps.ts';
import { UnreadablePages } from '../kdump/write/unreadable.ts';
import type { DumpEvents, DumpInput } from '../kdump/write/writer.ts';
import { PT_NOTE } from '../vmcore/elf.ts';
import { shortRead, type Vmcore } from '../vmcore/open.ts';
import {
  encodeCountingSection,
  encodeElfHeader,
  encodeLoadHeader,
  encodeNoteHeader,
  planElf,
} from './headers.ts';
import { filteredLoads, type Load, type LoadsInput } from './loads.ts';
import { SequentialWriter } from './sequential-writer.ts';
import { withoutZeroPages } from './zero-pages.ts';

const WINDOW_BYTES = 4 << 20;

export interface ElfInput extends Pick<DumpInput, 'bitmap2' | 'dumpLevel' | 'isInputIncomplete'> {
  readonly vmcore: Vmcore;
}

export interface ElfCounts {
  /** Before zero pages are left out. */
  readonly pagesWished: number;
  readonly pagesZero: number;
  readonly loads: number;
  /** Written as zeros, because they cannot be read from the vmcore. */
  readonly pagesUnreadable: number;
  /** The first few of these. */
  readonly unreadablePfns: readonly number[];
  /** The size of the file. */
  readonly bytesWritten: number;
}

/** @throws DumpFormatError when there is nothing to write, and what the sink throws. */
export function* elfSteps(input: ElfInput, sink: DumpSink, events: DumpEvents = {}): Steps<ElfCounts> {
  const { vmcore, bitmap2 } = input;
  const pagesWished = bitmap2.count();
  const leavesZeros = (input.dumpLevel & DUMP_LEVEL_ZERO) !== 0;
  const kept = leavesZeros
    ? yield* withoutZeroPages(input, done => events.onProgress?.(done, 2 * pagesWished))
    : bitmap2;
  const pagesKept = kept.count();
  const scanned = leavesZeros ? pagesWished : 0;
  const loadsInput: LoadsInput = { vmcore, kept };

  let loads = 0;
  for (const _ of filteredLoads(loadsInput)) loads++;
  if (loads === 0)
    throw new DumpFormatError('ELF_EMPTY', {
      action: 'write an ELF core',
      actual: 'the vmcore has no memory',
    });
  const { header } = vmcore.elf;
  const layout = planElf(loads + 1, vmcore.noteBytes.length);
  const encodeHeader = (more: number) =>
    encodeElfHeader(
      { e_machine: header.e_machine, e_flags: header.e_flags | more, phnum: loads + 1 },
      layout,
    );
  const file = new SequentialWriter(sink);
  file.append(encodeHeader(DUMP_ELF_INCOMPLETE));
  const noteHeader = vmcore.elf.programHeaders.find(({ p_type }) => p_type === PT_NOTE);
  file.append(encodeNoteHeader(layout.noteOffset, vmcore.noteBytes.length, noteHeader?.p_align ?? 0n));
  let p_offset = layout.loadsOffset;
  for (const load of filteredLoads(loadsInput)) {
    // As makedumpfile does: a PT_LOAD without bytes has offset 0, unless it is the last part of its PT_LOAD.
    file.append(encodeLoadHeader(load, load.p_filesz > 0 || load.isLast ? p_offset : 0));
    p_offset += load.p_filesz;
  }
  if (layout.sectionOffset !== undefined) file.append(encodeCountingSection(loads + 1));
  file.append(vmcore.noteBytes);

  // The format has no mark for a single missing page: it reads as zeros, and the file stays marked incomplete.
  const unreadable = new UnreadablePages('zeros', events.onWarning);
  const warn = (paddr: number, cause: unknown) =>
    unreadable.add(Math.floor(paddr / vmcore.pageSizeBytes), cause);
  let bytesDone = 0;
  for (const load of filteredLoads(loadsInput)) {
    for (const copied of copyLoad(load, vmcore, file, warn)) {
      bytesDone += copied;
      const pagesDone = Math.min(scanned + bytesDone / vmcore.pageSizeBytes, scanned + pagesKept);
      events.onProgress?.(pagesDone, scanned + pagesKept);
      yield;
    }
  }
  unreadable.finish();
  file.flush();
  sink.sync();
  if (unreadable.count === 0 && !input.isInputIncomplete) sink.writeAt(encodeHeader(0), 0);
  return {
    pagesWished,
    pagesZero: pagesWished - pagesKept,
    loads,
    pagesUnreadable: unreadable.count,
    unreadablePfns: unreadable.pfns,
    bytesWritten: file.offset,
  };
}

/** Yields the number of bytes copied, after each window. */
function* copyLoad(
  { sourceOffset, p_filesz, p_paddr }: Load,
  { source, pageSizeBytes }: Pick<Vmcore, 'source' | 'pageSizeBytes'>,
  file: SequentialWriter,
  onUnreadable: (paddr: number, cause: unknown) => void,
): Generator<number, void> {
  for (let at = 0; at < p_filesz; ) {
    const lengthBytes = Math.min(p_filesz - at, WINDOW_BYTES, source.maxWindowBytes);
    const window = openWindow(source, sourceOffset + at, lengthBytes);
    if (window) {
      file.append(window);
    } else {
      const page = new Uint8Array(pageSizeBytes);
      for (let done = 0; done < lengthBytes; done += pageSizeBytes) {
        const part = page.subarray(0, Math.min(pageSizeBytes, lengthBytes - done)).fill(0);
        const paddr = p_paddr + at + done;
        try {
          const got = source.readAt(part, sourceOffset + at + done);
          if (got < part.length) onUnreadable(paddr, shortRead(source.name, part.length, got));
        } catch (error) {
          part.fill(0);
          onUnreadable(paddr, error);
        }
        file.append(part);
      }
    }
    at += lengthBytes;
    yield lengthBytes;
  }
}

/** Undefined when it cannot be read: then its pages are read one by one to find the bad one. */
function openWindow(source: Vmcore['source'], offset: number, lengthBytes: number): Uint8Array | undefined {
  try {
    return source.window(offset, lengthBytes);
  } catch {
    return undefined;
  }
}
