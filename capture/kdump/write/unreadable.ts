/** Counts the pages that cannot be read from the input, with a bounded number of warnings and of page numbers. */
import { describeError } from '../../errors.ts';

const MOST_WARNINGS = 16;
const MOST_PFNS = 8;

/**
 * What becomes of a page that cannot be read. `zeros`: a page of zeros, so that the capture of a failing machine goes on.
 * `missing`: no data, and the dump stays marked incomplete.
 */
export type UnreadableAs = 'zeros' | 'missing';

const FATES: Readonly<Record<UnreadableAs, { readonly one: string; readonly many: string }>> = {
  zeros: { one: 'is written as zeros', many: 'are written as zeros' },
  missing: { one: 'is missing', many: 'are missing' },
};

export class UnreadablePages {
  readonly #fate: { readonly one: string; readonly many: string };
  readonly #onWarning: ((text: string) => void) | undefined;
  /** The first few, as they were found. */
  readonly pfns: number[] = [];
  count = 0;

  constructor(as: UnreadableAs, onWarning: ((text: string) => void) | undefined) {
    this.#fate = FATES[as];
    this.#onWarning = onWarning;
  }

  /** @param cause undefined when the input does not hold the page. */
  add(pfn: number, cause: unknown): void {
    this.count++;
    if (this.pfns.length < MOST_PFNS) this.pfns.push(pfn);
    if (this.count > MOST_WARNINGS) return;
    const reason = cause === undefined ? 'the vmcore does not hold it' : describeError(cause);
    this.#onWarning?.(`page ${pfn} ${this.#fate.one}: ${reason}`);
  }

  /** Call when all pages are done. */
  finish(): void {
    if (this.count > MOST_WARNINGS) this.#onWarning?.(`${this.count} pages in all ${this.#fate.many}`);
  }
}
