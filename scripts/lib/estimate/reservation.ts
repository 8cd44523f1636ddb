/** How much memory the crash kernel needs on a machine: measured where it can be, each term with its reason. */

import type { Layout } from '../../../initrd/image.ts';

export interface ReservationFacts {
  readonly layout: Layout;
  readonly spanPages: number;
  /** Of the initrd, when there is one already. */
  readonly imageBytes?: number;
  /** What the kernel takes that will be the crash kernel: code, data and bss; undefined where it is not known. */
  readonly kernelBytes?: number;
  /** Real hardware, and no virtual machine. */
  readonly physical: boolean;
  /** Of the kernel that will be the crash kernel; 4096 by default. */
  readonly pageBytes?: number;
}

export interface Term {
  readonly bytes: number;
  readonly why: string;
}

export interface Reservation {
  readonly terms: readonly Term[];
  /** Below this the capture is likely to run out of memory. */
  readonly leastBytes: number;
  /** What `enable` sets. */
  readonly advisedBytes: number;
}

const MIB = 1 << 20;
/** The smallest `crashkernel=` that captured a 1 GB machine with Linux 6.1 and an image of this size (`npm run smallest`). */
const MEASURED: Readonly<Record<Layout, { bytes: number; imageBytes: number }>> = {
  'self-contained': { bytes: 128 * MIB, imageBytes: 33_200_000 },
  lean: { bytes: 80 * MIB, imageBytes: 5_000_000 },
};
/** Of the kernel that this was measured with: Debian's 6.1 for clouds. */
const MEASURED_KERNEL_BYTES = 29.7 * MIB;
/** Past this the bitmap is in a file beside the dump. */
const MOST_BITMAP_BYTES = 32 * MIB;
/** Drivers and firmware tables of real hardware; an allowance, not a measurement. */
const HARDWARE_BYTES = 64 * MIB;
/** Files, page tables and the slab waste more of large pages; allowances, not measurements. */
const PAGE_WASTE: Readonly<Record<number, number>> = { 16384: 32 * MIB, 65536: 112 * MIB };
/** The next kernel, the next version of this program, a driver more. */
const HEADROOM_BYTES = 32 * MIB;
const STEP_BYTES = 16 * MIB;

export function reservation({
  layout,
  spanPages,
  imageBytes,
  kernelBytes,
  physical,
  pageBytes = 4096,
}: ReservationFacts): Reservation {
  const measured = MEASURED[layout];
  const terms: Term[] = [
    { bytes: measured.bytes, why: `the ${layout} layout on a small virtual machine, measured` },
  ];
  const add = (bytes: number, why: string): void => {
    if (bytes > 0) terms.push({ bytes: Math.ceil(bytes), why });
  };
  // The kernel holds the image and what it unpacks of it at the same time.
  add(2 * ((imageBytes ?? 0) - measured.imageBytes), 'an initrd larger than the measured one, twice');
  add((kernelBytes ?? 0) - MEASURED_KERNEL_BYTES, 'a kernel larger than the measured one');
  const bitmapBytes = Math.min(spanPages / 8, MOST_BITMAP_BYTES);
  if (bitmapBytes > MIB) add(bitmapBytes, "the dump's bitmap, a bit a page");
  const waste = PAGE_WASTE[pageBytes];
  if (waste !== undefined) add(waste, `pages of ${pageBytes / 1024} KiB, an allowance`);
  if (physical) add(HARDWARE_BYTES, 'drivers and firmware tables of real hardware, an allowance');
  const leastBytes = roundUp(terms.reduce((sum, { bytes }) => sum + bytes, 0));
  return { terms, leastBytes, advisedBytes: roundUp(leastBytes + HEADROOM_BYTES) };
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
}

/** As `crashkernel=` takes it. */
export function crashkernelValue(bytes: number): string {
  return `${Math.ceil(bytes / MIB)}M`;
}

/** Two and a half times what is advised is memory for nothing. */
const MUCH = 2.5;

/** What to say of a reservation; undefined when there is nothing to say. */
export function judgeReservation(
  reservedBytes: number,
  { leastBytes, advisedBytes }: Reservation,
): string | undefined {
  const [reserved, least, advised] = [reservedBytes, leastBytes, advisedBytes].map(crashkernelValue);
  if (reservedBytes < leastBytes)
    return `${reserved} are reserved, and at least ${least} are needed: the capture may run out of memory`;
  if (reservedBytes > MUCH * advisedBytes) return `${reserved} are reserved, and ${advised} would do`;
  return undefined;
}
