/**
 * The ELF header that becomes the head of the crash kernel's /proc/vmcore: a note for each CPU and vmcoreinfo's, and the
 * crashed kernel's memory. File offsets are physical addresses (Linux fs/proc/vmcore.c; kernel/crash_core.c,
 * crash_prepare_elf64_headers()).
 */
import { Buffer } from 'node:buffer';
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

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const EM_AARCH64 = 183;
const ET_CORE = 4;
const PT_LOAD = 1;
const PT_NOTE = 4;
const READ_WRITE_EXECUTE = 7;

export function encodeCoreHeader(notes: readonly NotePlace[], memory: readonly CoreMemory[]): Buffer {
  const count = notes.length + memory.length;
  const bytes = Buffer.alloc(HEADER_BYTES + count * PROGRAM_HEADER_BYTES);
  // 64 bits, little-endian, version 1, ELFOSABI_NONE
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(ET_CORE, 16);
  bytes.writeUInt16LE(EM_AARCH64, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  bytes.writeUInt16LE(HEADER_BYTES, 52);
  bytes.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  bytes.writeUInt16LE(count, 56);
  const rows = [
    ...notes.map(({ start, bytes: size }) => ({ type: PT_NOTE, flags: 0, start, size, virtual: 0n })),
    ...memory.map(({ start, end, virtual }) => ({
      type: PT_LOAD,
      flags: READ_WRITE_EXECUTE,
      start,
      size: end - start,
      virtual,
    })),
  ];
  for (const [index, { type, flags, start, size, virtual }] of rows.entries()) {
    const row = bytes.subarray(HEADER_BYTES + index * PROGRAM_HEADER_BYTES);
    row.writeUInt32LE(type, 0);
    row.writeUInt32LE(flags, 4);
    row.writeBigUInt64LE(BigInt(start), 8);
    row.writeBigUInt64LE(virtual, 16);
    row.writeBigUInt64LE(BigInt(start), 24);
    row.writeBigUInt64LE(BigInt(size), 32);
    row.writeBigUInt64LE(BigInt(size), 40);
  }
  return bytes;
}
