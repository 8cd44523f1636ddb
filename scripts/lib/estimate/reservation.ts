/** How much memory the crash kernel needs on a machine: measured where it can be, each term with its reason. */

import { keepsImage } from '../../../initrd/kept-image.ts';
import { isAtLeast } from '../../../initrd/kernel-release.ts';
import type { Layout } from '../../../initrd/layouts.ts';
import type { CrashkernelValues } from '../crashkernel/words.ts';
import { loadBytes } from '../kexec/load-size.ts';
import type { ReservedParts } from '../kexec/reserved-parts.ts';
import { BOUNCE_BYTES, type Lending, planLending } from './lending.ts';

export interface ReservationFacts {
  readonly layout: Layout;
  /** Release of the kernel that will be the crash kernel; an older one where it is left out. */
  readonly kver?: string;
  readonly spanPages: number;
  /** Of the initrd, when there is one already. */
  readonly imageBytes?: number;
  /** Of a self-contained one that is not there yet: whether it will have the whole Node, and not only the code that captures use. */
  readonly hasWholeNode?: boolean;
  /** What the kernel takes that will be the crash kernel: code, data and bss; undefined where it is not known. */
  readonly kernelBytes?: number;
  /** What the kernel takes while it is unpacked, as its image says. */
  readonly unpackedKernelBytes?: number;
  /** Real hardware, and no virtual machine. */
  readonly physical: boolean;
  /** Of the kernel that will be the crash kernel; 4096 by default. */
  readonly pageBytes?: number;
  /** Of the machine, where a part of the reservation is lent to processes until the crash. */
  readonly lendingRamBytes?: number;
}

export interface Term {
  readonly bytes: number;
  readonly why: string;
}

export interface Reservation {
  readonly terms: readonly Term[];
  /** What `enable` adds to the terms where nothing is lent. */
  readonly headroomBytes: number;
  /** Below this the capture is likely to run out of memory. */
  readonly leastBytes: number;
  /** What `enable` sets where nothing is lent. */
  readonly advisedBytes: number;
  /** What kexec puts into the plain part when it loads the crash kernel; undefined where the kernel is not known. */
  readonly loadBytes?: number;
  /** What `enable` sets where a part is lent until the crash. */
  readonly lending?: Lending;
}

const MIB = 1 << 20;
/** Where the runtime is: a file that the kernel unpacks beside the initrd, a part of the initrd, or on the disk. */
type Placing = 'unpacked' | 'kept' | 'lean';
interface Measured {
  readonly bytes: number;
  readonly imageBytes: number;
  /** How often the image is in memory when most is in use. */
  readonly copies: number;
  /**
   * On top by default: with the autopsy, which begins where 22 MiB are available (capture/flow/autopsy-watch.ts), and for the next
   * kernel or a driver more. Where the image is unpacked, what was packed is room for the autopsy.
   */
  readonly headroomBytes: number;
}
/**
 * By default no less, but for the lean layout: it is what Debian's kdump-tools reserves, and with it the kernel that needs least has a
 * second CPU and compresses little (test/bench/RESULTS.md has the times with 112M and with 128M).
 */
const LEAST_BY_DEFAULT_BYTES = 128 * MIB;
/** What a self-contained initrd has more with the whole Node. */
const UNUSED_CODE_BYTES = 7_600_000;
/**
 * What a capture of a small machine with the kernel of MEASURED_KERNEL_BYTES and an image of this size needs, not rounded, by
 * captures of the lab (test/bench/RESULTS.md has them), with the reservation across a multiple of 128 MiB: then the page
 * structures of two sections of memory are in it, 2 MiB more, and where the kernel puts it is chance. Where the image is unpacked,
 * most is in use while it is, and all that was packed is free again when the autopsy begins; where it is kept, most is in use while the
 * dump is written.
 */
const MEASURED: Readonly<Record<Placing, Measured>> = {
  unpacked: { bytes: 98 * MIB, imageBytes: 21_400_000, copies: 2, headroomBytes: 8 * MIB },
  kept: { bytes: 90 * MIB, imageBytes: 21_400_000, copies: 1, headroomBytes: 20 * MIB },
  lean: { bytes: 67 * MIB, imageBytes: 2_600_000, copies: 2, headroomBytes: 20 * MIB },
};
/**
 * What the kernel takes beside its code and data, compared with 6.12: memory maps, slab caches, vmalloc; without the 4 MiB of buffers
 * for integrity data, which `load` leaves out where no disk has such data (initrd/command-line.ts).
 */
const LINUX_7 = {
  since: [7, 0],
  bytes: 3 * MIB,
  why: 'what Linux 7 takes at boot beyond Linux 6.12, measured',
} as const;
/**
 * What a kernel for all hardware takes until the program runs, compared with one for clouds and beyond its size: 6.1 with 112M ran out of
 * memory while its initrd was unpacked, where the reservation was across a multiple of 128 MiB, and lean with 80M it took 222 s; 6.12
 * and 7.2, which leave the runtime where it is, captured with 112M. By Debian's names of them.
 */
const ALL_HARDWARE = {
  bytes: { unpacked: 4 * MIB, kept: 4 * MIB, lean: 2 * MIB } satisfies Readonly<Record<Placing, number>>,
  isIn: (kver: string) => !kver.includes('cloud'),
  why: 'what a kernel for all hardware takes at boot beyond one for clouds, measured',
} as const;
/** Of the kernel that this was measured with: Debian's 6.1 for clouds. */
const MEASURED_KERNEL_BYTES = 29.7 * MIB;
/** Past this the bitmap is in a file beside the dump. */
const MOST_BITMAP_BYTES = 32 * MIB;
/** Drivers and firmware tables of real hardware; an allowance, not a measurement. */
const HARDWARE_BYTES = 64 * MIB;
/** Files, page tables and the slab waste more of large pages; allowances, not measurements. */
const PAGE_WASTE: Readonly<Record<number, number>> = { 16384: 32 * MIB, 65536: 112 * MIB };
const STEP_BYTES = 16 * MIB;

export function reservation({
  layout,
  kver,
  spanPages,
  hasWholeNode = false,
  imageBytes: builtBytes,
  kernelBytes,
  unpackedKernelBytes,
  physical,
  pageBytes = 4096,
  lendingRamBytes,
}: ReservationFacts): Reservation {
  const placing = layout === 'lean' ? layout : keepsImage(kver ?? '', layout) ? 'kept' : 'unpacked';
  const measured = MEASURED[placing];
  const { copies, headroomBytes } = measured;
  const imageBytes =
    builtBytes ?? measured.imageBytes + (hasWholeNode && layout !== 'lean' ? UNUSED_CODE_BYTES : 0);
  const terms: Term[] = [
    { bytes: measured.bytes, why: `the ${layout} layout on a small virtual machine, measured` },
  ];
  const add = (bytes: number, why: string): void => {
    if (bytes > 0) terms.push({ bytes: Math.ceil(bytes), why });
  };
  add(
    copies * (imageBytes - measured.imageBytes),
    `an initrd larger than the measured one${copies > 1 ? ', twice while it is unpacked' : ''}`,
  );
  add((kernelBytes ?? 0) - MEASURED_KERNEL_BYTES, 'a kernel larger than the measured one');
  if (kver !== undefined && isAtLeast(kver, LINUX_7.since)) add(LINUX_7.bytes, LINUX_7.why);
  if (kver !== undefined && ALL_HARDWARE.isIn(kver)) add(ALL_HARDWARE.bytes[placing], ALL_HARDWARE.why);
  const bitmapBytes = Math.min(spanPages / 8, MOST_BITMAP_BYTES);
  if (bitmapBytes > MIB) add(bitmapBytes, "the dump's bitmap, a bit a page");
  const waste = PAGE_WASTE[pageBytes];
  if (waste !== undefined) add(waste, `pages of ${pageBytes / 1024} KiB, an allowance`);
  if (physical) add(HARDWARE_BYTES, 'drivers and firmware tables of real hardware, an allowance');
  const neededBytes = terms.reduce((sum, { bytes }) => sum + bytes, 0);
  const leastBytes = roundUp(neededBytes);
  // Of what is needed and not of what is rounded already: each rounding costs up to 16 MiB of every machine.
  const leastByDefault = placing === 'lean' ? 0 : LEAST_BY_DEFAULT_BYTES;
  const advisedBytes = Math.max(roundUp(neededBytes + headroomBytes), leastByDefault);
  const load = unpackedKernelBytes === undefined ? undefined : loadBytes(unpackedKernelBytes, imageBytes);
  const lending =
    load === undefined || lendingRamBytes === undefined
      ? undefined
      : planLending({ loadBytes: load, advisedBytes, systemRamBytes: lendingRamBytes }, roundUp);
  return {
    terms,
    headroomBytes,
    leastBytes,
    advisedBytes,
    ...(load === undefined ? {} : { loadBytes: load }),
    ...(lending === undefined ? {} : { lending }),
  };
}

/** What `enable` reserves where nothing is lent, before it is rounded, and where that is not less than its least. */
export function unroundedBytes({ terms, headroomBytes }: Reservation): number {
  return terms.reduce((sum, { bytes }) => sum + bytes, headroomBytes);
}

/** What it reserves beyond that, for there is a least. */
export function filledBytes(reservation: Reservation): number {
  return reservation.advisedBytes - roundUp(unroundedBytes(reservation));
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

/** What to say of a reservation; undefined when there is nothing to say. Lent memory costs nothing: it is never too much. */
export function judgeReservation(
  { bytes, cmaBytes }: Pick<ReservedParts, 'bytes' | 'cmaBytes'>,
  { leastBytes, advisedBytes }: Reservation,
): string | undefined {
  const [least, advised] = [leastBytes, advisedBytes].map(crashkernelValue);
  const reserved = partsText({ bytes, cmaBytes });
  if (bytes + cmaBytes < leastBytes)
    return `${reserved} are reserved, and at least ${least} are needed: the capture may run out of memory`;
  if (bytes > MUCH * advisedBytes) return `${reserved} are reserved, and ${advised} would do`;
  return undefined;
}

/** `112M`, or `112M and 128M,cma`. */
export function partsText({ bytes, cmaBytes }: Pick<ReservedParts, 'bytes' | 'cmaBytes'>): string {
  const plain = crashkernelValue(bytes);
  return cmaBytes === 0 ? plain : `${plain} and ${crashkernelValue(cmaBytes)},cma`;
}

/** What `enable` sets: a kernel that does not know `,cma` takes the last word for the plain one, so that comes last. */
export function advisedValues({ advisedBytes, lending }: Reservation): CrashkernelValues {
  if (!lending) return [crashkernelValue(advisedBytes)];
  return [`${crashkernelValue(lending.cmaBytes)},cma`, crashkernelValue(lending.plainBytes)];
}

/** All that `enable` reserves; where a part is lent, what that part has beside a capture's need is in it. */
export function wholeBytes({ advisedBytes, lending }: Reservation, isLent: boolean): number {
  if (!isLent) return advisedBytes;
  return Math.max(advisedBytes + BOUNCE_BYTES, lending ? lending.plainBytes + lending.cmaBytes : 0);
}

/** Why kexec would refuse to load the crash kernel; undefined where it would not, or where the kernel's size is not known. */
export function shortageOf(
  { loadBytes: there }: Pick<ReservedParts, 'loadBytes'>,
  { loadBytes: needed }: Reservation,
): string | undefined {
  if (needed === undefined || there >= needed) return undefined;
  return `the unpacked kernel and the initrd take ${crashkernelValue(needed)} in one piece, and the reservation has ${crashkernelValue(there)}`;
}

/** For whoever runs `enable` or `estimate`: what lending costs, and how to do without. */
export function lendingCost({ advisedBytes }: Reservation, { cmaBytes }: Lending): string {
  return (
    `${crashkernelValue(cmaBytes)} are lent to processes and their files until a crash. The dump lacks what is there then, ` +
    'which this dump level leaves out anyway, and the kernel waits 10 s before the capture. To lend nothing and reserve ' +
    `${crashkernelValue(advisedBytes)}, put \`crashkernel_cma never\` into /etc/kdump.conf`
  );
}
