/**
 * Finds `crash_notes` (kernel/kexec_core.c) where no symbol says where it is: the word in the data of the kernel that leads, as a
 * pointer to per-CPU memory, to registers that a CPU saved.
 */
import type { KernelMemory } from '../../kernel/memory.ts';
import { decodeNotes, isPrstatus } from '../../vmcore/notes.ts';
import { type ImagePart, wordsBetween } from '../image-scan.ts';

/** Enough for the first note of any architecture. */
const NOTE_BYTES = 1024;
/** Of the per-CPU memory of a CPU, which begins with the section. */
const MOST_PER_CPU_BYTES = 256n << 20n;

export interface PerCpuPlace {
  /** Of the section in the image. */
  readonly start: bigint;
  /** What is added for each possible CPU. */
  readonly offsets: readonly bigint[];
}

/** @returns undefined where no word does, or several do. */
export function findCrashNotes(
  memory: KernelMemory,
  data: ImagePart,
  { start, offsets }: PerCpuPlace,
): bigint | undefined {
  const wordsIn = (from: bigint, to: bigint) =>
    [...wordsBetween(data.bytes, from, to)].flatMap(({ at, word }) =>
      offsets.some(offset => holdsRegisters(memory, BigInt.asUintN(64, word + offset)))
        ? [data.start + BigInt(at)]
        : [],
    );
  // Pointers to the data themselves are most of those in reach, and memory of a CPU is hardly ever counted from there.
  const end = start + MOST_PER_CPU_BYTES;
  const found = [...wordsIn(start, data.start < end ? data.start : end), ...wordsIn(data.end, end)];
  return found.length === 1 ? found[0] : undefined;
}

function holdsRegisters(memory: KernelMemory, address: bigint): boolean {
  const bytes = new Uint8Array(NOTE_BYTES);
  const { notes } = decodeNotes(bytes.subarray(0, memory.readVirtualUpTo(address, bytes)));
  return notes.slice(0, 1).some(({ name, type }) => isPrstatus({ name, n_type: type }));
}
