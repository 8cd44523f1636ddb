/** Which crashkernel= the next boot gets: the user's word, what is there already, or what we compute. */
import { crashkernelBytes } from './crashkernel.ts';
import { crashkernelValue, type Reservation } from './reservation.ts';

export interface Choice {
  readonly value: string;
  /** For the user: where it comes from, and what it replaces. */
  readonly why: string;
}

export interface ChoiceFacts {
  /** `--crashkernel`: a value, or `auto` for ours whatever is there. */
  readonly asked?: string;
  /** What the boot loader has. */
  readonly configured?: string;
  readonly reservation: Reservation;
  readonly memoryBytes: number;
}

/** What is there already is respected when it is enough: it may be the administrator's. */
export function chooseCrashkernel({ asked, configured, reservation, memoryBytes }: ChoiceFacts): Choice {
  const ours = crashkernelValue(reservation.advisedBytes);
  const replaced = (value: string) =>
    configured === undefined || configured === value ? '' : `, instead of crashkernel=${configured}`;
  if (asked !== undefined && asked !== 'auto') return { value: asked, why: `as asked${replaced(asked)}` };
  if (configured !== undefined && asked === undefined) {
    const bytes = crashkernelBytes(configured, memoryBytes);
    if (bytes === undefined || bytes >= reservation.leastBytes)
      return { value: configured, why: 'which was there already and is kept' };
    const least = crashkernelValue(reservation.leastBytes);
    return { value: ours, why: `since at least ${least} are needed${replaced(ours)}` };
  }
  return { value: ours, why: `computed for this machine${replaced(ours)}` };
}
