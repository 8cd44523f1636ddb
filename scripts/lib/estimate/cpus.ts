/**
 * How many CPUs the crash kernel gets. The second reads the autopsy beside the dump, or compresses it on a thread, where there is memory
 * for both. Further ones are started where more is reserved than a capture needs by default, so that no capture
 * has less to spare for them.
 */
import { counted } from '../../../capture/errors.ts';
import { neededBytes } from '../../../capture/flow/autopsy-watch.ts';
import { BATCH_BYTES, MOST_THREADS, threadBytes } from '../../../capture/threads/cost.ts';
import { askedCpus, type CommandLineChanges } from '../../../initrd/command-changes.ts';
import type { ReservedParts } from '../kexec/reserved-parts.ts';
import { crashkernelValue, type Reservation, unroundedBytes, wholeBytes } from './reservation.ts';

export interface CpuFacts {
  readonly reserved: Pick<ReservedParts, 'bytes' | 'cmaBytes'>;
  readonly reservation: Reservation;
  /** Real hardware, and no virtual machine. */
  readonly physical: boolean;
  /** Of the machine's memory: a compressing thread has a bit for each. */
  readonly spanPages: number;
  /** That the machine has. */
  readonly machineCpus: number;
  /** What the administrator changes of the crash kernel's command line. */
  readonly changes?: CommandLineChanges;
  /** Why the crash kernel must not start a second CPU of this machine; undefined where it may. */
  readonly obstacle?: string;
}

export interface CpuChoice {
  readonly count: number;
  /** For the user, as it follows the number. */
  readonly why: string;
  /** The reservation that is for one CPU more; undefined where more memory would not change the number. */
  readonly nextBytes?: number;
}

const MIB = 1 << 20;
/** Of the kernel, for each CPU: see test/bench/RESULTS.md, "What a CPU of the crash kernel takes". */
const KERNEL_CPU_BYTES = 3 * MIB;
/** What the autopsy needs more beside a dump than before it (capture/flow/autopsy-watch.ts); a thread takes less. */
const BESIDE_BYTES = neededBytes(true) - neededBytes(false);
/**
 * Above what `enable` reserves by default, and not for CPUs: whoever reserves a step or two more expects a capture that needs
 * more, and drivers of real hardware have queues for each CPU.
 */
const MARGIN_BYTES = 32 * MIB;

export function chooseCpus(facts: CpuFacts): CpuChoice {
  const { machineCpus, changes, obstacle, reserved } = facts;
  const asked = changes && askedCpus(changes);
  if (asked) return { count: Math.min(asked.count, machineCpus), why: `by \`${asked.by}\`` };
  if (machineCpus < 2) return { count: 1, why: 'the machine has no other' };
  if (obstacle !== undefined) return { count: 1, why: obstacle };
  const most = Math.min(MOST_THREADS, machineCpus);
  const there = reserved.bytes + reserved.cmaBytes;
  let count = 1;
  while (count < most && there >= bytesFor(count + 1, facts)) count += 1;
  if (count === machineCpus) return { count, why: 'all that the machine has' };
  if (count === most) return { count, why: 'more would not make a capture faster' };
  const nextBytes = bytesFor(count + 1, facts);
  return { count, why: `with ${crashkernelValue(nextBytes)} reserved it would get ${count + 1}`, nextBytes };
}

/** `1 CPU (with 209M reserved it would get 2)` */
export function cpusText({ count, why }: CpuChoice): string {
  return `${counted(count, 'CPU')} (${why})`;
}

function bytesPerCpu({ spanPages }: CpuFacts): number {
  return KERNEL_CPU_BYTES + threadBytes({ batchBytes: BATCH_BYTES, bitmapBytes: spanPages / 8 });
}

function bytesFor(cpus: number, facts: CpuFacts): number {
  const { reservation, reserved, physical } = facts;
  const isLent = reserved.cmaBytes > 0;
  // What drivers of real hardware take for a CPU is not measured.
  if (cpus === 2 && !physical) {
    const one = isLent ? wholeBytes(reservation, isLent) : unroundedBytes(reservation);
    return one + KERNEL_CPU_BYTES + BESIDE_BYTES;
  }
  return wholeBytes(reservation, isLent) + MARGIN_BYTES + (cpus - 1) * bytesPerCpu(facts);
}
