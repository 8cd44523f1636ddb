/**
 * The ELF header that becomes the head of the crash kernel's /proc/vmcore: a note for each CPU and vmcoreinfo's, and the
 * crashed kernel's memory. File offsets are physical addresses (Linux fs/proc/vmcore.c; kernel/crash_core.c,
 * crash_prepare_elf64_headers()).
 */
import { Buffer } from 'node:buffer';
import { encodeElfHeader, encodeProgramHeader } from '../../../../capture/elf/headers.ts';
import { PT_LOAD, PT_NOTE } from '../../../../capture/vmcore/elf.ts';
import { EM_AARCH64 } from '../../../../capture/vmcore/machines.ts';
import type { MemoryRange } from './memory-map.ts';

/** A place in physical memory where the crashing kernel leaves a note. */
export interface NotePlace {
  readonly start: number;
  readonly bytes: number;
}

export interface CoreMemory extends MemoryRange {
  /** Its address in the kernel's linear mapping; 0 where that is not known. */
  readonly virtual: bigint;
}

const READ_WRITE_EXECUTE = 7;

export function encodeCoreHeader(notes: readonly NotePlace[], memory: readonly CoreMemory[]): Buffer {
  const rows = [
    ...notes.map(({ start, bytes }) => programHeader(PT_NOTE, 0, start, bytes, 0n)),
    ...memory.map(({ start, end, virtual }) =>
      programHeader(PT_LOAD, READ_WRITE_EXECUTE, start, end - start, virtual),
    ),
  ];
  const facts = { e_machine: EM_AARCH64, e_flags: 0, phnum: rows.length };
  return Buffer.concat([encodeElfHeader(facts, { sectionOffset: undefined }), ...rows]);
}

function programHeader(
  type: number,
  flags: number,
  start: number,
  sizeBytes: number,
  virtual: bigint,
): Uint8Array {
  return encodeProgramHeader(type, flags, [start, virtual, start, sizeBytes, sizeBytes]);
}
