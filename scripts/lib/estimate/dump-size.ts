/** How large a dump of the machine as it is now would be, and how long it would take. */
import type { MemoryUse } from './memory.ts';

/** Dump level bits (capture/filter/dump-level.ts) and what each leaves out. Zero pages are not counted anywhere. */
const LEFT_OUT: readonly { bits: number; bytes(use: MemoryUse): number }[] = [
  { bits: 2 | 4, bytes: use => use.cacheBytes },
  { bits: 8, bytes: use => use.userBytes },
  { bits: 16, bytes: use => use.freeBytes },
];

/** Kernel memory, compressed with zstd, was 14 to 24 % of itself on the machines that were measured. */
const USUAL_RATIO = 0.25;
/** Pages that are kept, read, compressed and written on one CPU; a wide guess that a slow disk makes larger. */
const KEPT_BYTES_PER_SECOND = 150e6;
/** Kernel, drivers, opening, verifying: what there is besides. */
const FIXED_SECONDS = 10;

export interface DumpEstimate {
  /** Before compression. */
  readonly keptBytes: number;
  readonly usualBytes: number;
  /** Should nothing of it compress. */
  readonly mostBytes: number;
  readonly seconds: number;
}

export function estimateDump(use: MemoryUse, dumpLevel: number): DumpEstimate {
  const leftOut = LEFT_OUT.filter(({ bits }) => (dumpLevel & bits) !== 0);
  const leftOutBytes = leftOut.reduce((sum, { bytes }) => sum + bytes(use), 0);
  const keptBytes = Math.max(0, use.totalBytes - leftOutBytes);
  return {
    keptBytes,
    usualBytes: keptBytes * USUAL_RATIO,
    mostBytes: keptBytes,
    seconds: FIXED_SECONDS + keptBytes / KEPT_BYTES_PER_SECOND,
  };
}
