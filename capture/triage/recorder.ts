/**
 * Notes which pages are read. What an autopsy reads to list tasks and unwind their stacks, page tables included, is what
 * a debugger reads for the same answers.
 */
import { KernelError } from '../errors.ts';
import type { ReadPhysical } from '../vmcore/open.ts';
import type { PageOrder } from './page-order.ts';

/** Reads between two reports of progress. */
const READS_PER_STEP = 1 << 14;

export interface RecorderLimits {
  /** Reads of memory, most of them of 8 bytes. Then every further read fails, which ends the selection. */
  readonly mostReads: number;
  /** Called every few milliseconds. What it throws fails the read and all that follow. */
  readonly onProgress?: () => void;
}

export class PageRecorder {
  /** Where pages are noted. */
  into: PageOrder;
  reads = 0;
  readonly #limits: RecorderLimits;
  readonly #pageSizeBytes: number;
  #stopped: unknown;

  constructor(into: PageOrder, pageSizeBytes: number, limits: RecorderLimits) {
    this.into = into;
    this.#pageSizeBytes = pageSizeBytes;
    this.#limits = limits;
  }

  /** What ended the reading before its time. */
  get stopped(): unknown {
    return this.#stopped;
  }

  /** `read`, recorded. */
  over(read: ReadPhysical): ReadPhysical {
    return (paddr, into) => {
      this.#step();
      const lengthBytes = read(paddr, into);
      const size = this.#pageSizeBytes;
      const last = Math.floor((paddr + Math.max(lengthBytes, 1) - 1) / size);
      for (let pfn = Math.floor(paddr / size); pfn <= last; pfn++) this.into.add(pfn);
      return lengthBytes;
    };
  }

  #step(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (++this.reads % READS_PER_STEP !== 0) return;
    try {
      this.#limits.onProgress?.();
      if (this.reads > this.#limits.mostReads) throw tooMany(this.#limits.mostReads);
    } catch (error) {
      this.#stopped = error;
      throw error;
    }
  }
}

function tooMany(most: number): KernelError {
  return new KernelError('TRIAGE_READS', {
    action: 'choose the pages for triage',
    actual: `${most} reads of memory were not enough`,
    wanted: 'lists that end',
  });
}
