/**
 * `crashkernel=A crashkernel=B,cma`: the crash kernel is loaded into A, and gets B at the crash, until which the kernel lends
 * B to processes and their files (Linux Documentation/admin-guide/kdump/kdump.rst).
 */
import type { CmaSupport } from '../crashkernel/reading.ts';

export interface LendingFacts {
  readonly cma: CmaSupport;
  /** Only a disk: the machine that boots from it may be too small to lend anything. */
  readonly isImage: boolean;
  /** `crashkernel_cma` of the config. */
  readonly wanted: 'auto' | 'never';
  readonly dumpLevel: number;
}

/** What is lent is full of cache and of processes' pages, none of which can be dumped: capture/filter/dump-level.ts. */
const LENT_CLASSES = 2 | 4 | 8;

/** Whether a dump of this level leaves out whatever can be in lent memory. */
export function leavesOutLent(dumpLevel: number): boolean {
  return (dumpLevel & LENT_CLASSES) === LENT_CLASSES;
}

/** Whether memory is lent unless something else is asked for: where it costs nothing that the dump would have had. */
export function lends({ cma, isImage, wanted, dumpLevel }: LendingFacts): boolean {
  return cma === 'reserved' && !isImage && wanted === 'auto' && leavesOutLent(dumpLevel);
}

export interface Lending {
  /** For the crash kernel alone. */
  readonly plainBytes: number;
  readonly cmaBytes: number;
}

const MIB = 1 << 20;
/** For the next kernel and a driver more: what does not fit here is not loaded, and the machine not armed. */
const PLAIN_HEADROOM_BYTES = 16 * MIB;
/** Less is not worth 10 s. */
const LEAST_CMA_BYTES = 128 * MIB;
/**
 * Memory above 4 GiB, where the lent part usually is, makes the crash kernel set up bounce buffers, 64 MiB or as much as
 * there is, in the part below (Linux kernel/dma/swiotlb.c).
 */
export const BOUNCE_BYTES = 64 * MIB;
/** The kernel needs most of the memory for what cannot be moved out of the lent part. */
const LARGEST_SHARE = 1 / 4;

/**
 * @param loadBytes what kexec puts into the plain part.
 * @param advisedBytes the reservation if nothing is lent.
 * @returns undefined on a machine that is too small, or where nothing would be won.
 */
export function planLending(
  {
    loadBytes,
    advisedBytes,
    systemRamBytes,
  }: Record<'loadBytes' | 'advisedBytes' | 'systemRamBytes', number>,
  roundUp: (bytes: number) => number,
): Lending | undefined {
  const plainBytes = roundUp(loadBytes + PLAIN_HEADROOM_BYTES);
  const cmaBytes = roundUp(Math.max(LEAST_CMA_BYTES, advisedBytes - plainBytes + BOUNCE_BYTES));
  if (plainBytes >= advisedBytes || cmaBytes > systemRamBytes * LARGEST_SHARE) return undefined;
  return { plainBytes, cmaBytes };
}
