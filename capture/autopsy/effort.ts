/** How much an autopsy may do: what it follows may be endless, because anybody may have written the memory of the machine. */
import { AutopsyError } from '../errors.ts';
import type { ReadPhysical } from '../vmcore/open.ts';

export interface Effort {
  /** How much of the vmcore stays in memory. */
  readonly cachedBytes: number;
  /** Reads of memory, of cached pages as well. A task takes some 120, with its stack. */
  readonly mostReads: number;
  /** Of a table of symbols or types, so many pages stay in memory, a power of two: see table.ts. All of it where it is left out. */
  readonly tablePages?: number;
}

/** For a report of a machine with 60,000 tasks. It takes some seconds. */
export const REPORT_EFFORT: Effort = { cachedBytes: 8 << 20, mostReads: 1 << 23 };

/** The first read beyond the bound throws AutopsyError OVER_BUDGET, and so does every later one. */
export function boundedReads(read: ReadPhysical, mostReads: number): ReadPhysical {
  let reads = 0;
  return (paddr, into) => {
    reads += 1;
    if (reads <= mostReads) return read(paddr, into);
    throw new AutopsyError('OVER_BUDGET', {
      action: 'read more of the memory',
      actual: `an autopsy takes ${mostReads} reads at most`,
      wanted: 'lists and tables that end',
    });
  };
}
