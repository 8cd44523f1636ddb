/**
 * Notes which pages are read. What an autopsy reads to list tasks and unwind their stacks, page tables included, is what
 * a debugger reads for the same answers.
 */
import type { ReadPhysical } from '../vmcore/open.ts';
import type { PageOrder } from './page-order.ts';

/** Reads between two reports of progress. */
const READS_PER_STEP = 1 << 14;

export class PageRecorder {
  /** Where pages are noted. */
  into: PageOrder;
  readonly #pageSizeBytes: number;
  readonly #onProgress: () => void;
  #reads = 0;
  #stopped: unknown;

  /** @param onProgress is called every few milliseconds. What it throws fails that read and all that follow. */
  constructor(into: PageOrder, pageSizeBytes: number, onProgress: () => void) {
    this.into = into;
    this.#pageSizeBytes = pageSizeBytes;
    this.#onProgress = onProgress;
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
      let pfn = Math.floor(paddr / size);
      this.into.add(pfn);
      while (++pfn * size < paddr + lengthBytes) this.into.add(pfn);
      return lengthBytes;
    };
  }

  #step(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (++this.#reads % READS_PER_STEP !== 0) return;
    try {
      this.#onProgress();
    } catch (error) {
      this.#stopped = error;
      throw error;
    }
  }
}
