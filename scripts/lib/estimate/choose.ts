/** Which `crashkernel=` words the next boot gets: the user's, those already there, or what we compute. */
import { type CrashkernelReading, type ReadingFacts, readCrashkernel } from '../crashkernel/reading.ts';
import { type CrashkernelValues, crashkernelWords } from '../crashkernel/words.ts';
import { advisedValues, crashkernelValue, type Reservation } from './reservation.ts';

export interface Choice {
  readonly values: CrashkernelValues;
  /** For the user: where they come from, and what they replace. */
  readonly why: string;
}

export interface ChoiceFacts {
  /** `--crashkernel`: values, or `auto` for ours whatever is there. */
  readonly asked?: CrashkernelValues | 'auto';
  /** What the boot loader has. */
  readonly configured: CrashkernelValues;
  readonly reservation: Reservation;
  readonly reading: ReadingFacts;
}

/** Words that reserve enough are respected: they may be the administrator's. */
export function chooseCrashkernel({ asked, configured, reservation, reading }: ChoiceFacts): Choice {
  const ours = advisedValues(reservation);
  const replacing = (values: CrashkernelValues) =>
    configured.length === 0 || configured.join() === values.join()
      ? ''
      : `, instead of ${crashkernelWords(configured)}`;
  if (asked === 'auto') return { values: ours, why: `computed for this machine${replacing(ours)}` };
  if (asked !== undefined) return { values: asked, why: `as asked${replacing(asked)}` };
  const shortfall = shortfallOf(readCrashkernel(configured, reading), reservation);
  if (shortfall === 'nothing there')
    return { values: ours, why: `computed for this machine${replacing(ours)}` };
  if (shortfall === undefined) return { values: configured, why: 'which was there already and is kept' };
  return { values: ours, why: `because ${shortfall}${replacing(ours)}` };
}

/** What the words that are there lack; undefined when they reserve enough. */
function shortfallOf(
  reading: CrashkernelReading,
  { leastBytes, loadBytes = leastBytes }: Reservation,
): string | undefined {
  switch (reading.kind) {
    case 'none':
      return 'nothing there';
    case 'void':
      return `the kernel reserves nothing for crashkernel=${reading.value}: ${reading.why}`;
    case 'reserved':
      if (reading.bytes + reading.cmaBytes < leastBytes)
        return `at least ${crashkernelValue(leastBytes)} are needed`;
      // What CMA adds holds neither the kernel nor the initrd.
      if (reading.cmaBytes > 0 && reading.bytes < loadBytes)
        return `at least ${crashkernelValue(loadBytes)} beside what is lent are needed`;
      return undefined;
  }
}
