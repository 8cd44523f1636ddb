/**
 * A dump with a size limit: pages that do not fit are omitted, the least needed ones first. Their descriptors have offset 0,
 * which readers of a dump marked incomplete treat as "missing" (crash: --zero_excluded).
 */
import type { Bitmap } from '../../filter/bitmap.ts';
import type { PageTaker } from './page-loop.ts';
import type { PageStore } from './page-store.ts';
import { STANDARD_ERRORS, spreadOf } from './predict.ts';

export interface Bound {
  /** The file does not grow past this. */
  readonly limitBytes: number;
  /** The pages that are needed most: others are kept only while there is room for all of these. */
  readonly first: Bitmap;
  /** How many pages `first` has. */
  readonly firstPages: number;
  /** `first` in equal parts, in order: the size of one sample page of each part. */
  readonly firstPageBytes: readonly number[];
}

/** Takes all dumpable pages of `bitmap2`, in order. */
export class BoundedTaker implements PageTaker {
  readonly #store: PageStore;
  readonly #bitmap2: Bitmap;
  readonly #pageSizeBytes: number;
  readonly #bound: Bound;
  #pfn = -1;
  /** An upper estimate of what the pages of `first` will need, from the start of each part to the end. */
  readonly #bytesAhead: Float64Array;
  #firstPagesDone = 0;

  constructor(store: PageStore, bitmap2: Bitmap, pageSizeBytes: number, bound: Bound) {
    this.#store = store;
    this.#bitmap2 = bitmap2;
    this.#pageSizeBytes = pageSizeBytes;
    this.#bound = bound;
    this.#bytesAhead = bytesAhead(bound);
  }

  add(window: Buffer, at: number, pages: number): void {
    const end = at + pages * this.#pageSizeBytes;
    for (let page = at; page < end; page += this.#pageSizeBytes) {
      if (this.#hasRoom()) this.#store.add(window, page, 1);
      else this.#store.addAbsent();
    }
  }

  addZeros(zeros: Buffer, pages: number): void {
    for (let i = 0; i < pages; i++) {
      if (this.#hasRoom() || this.#store.sharesZeroPage) this.#store.addZeros(zeros, 1);
      else this.#store.addAbsent();
    }
  }

  addMissing(zeros: Buffer): void {
    if (this.#hasRoom() || this.#store.sharesZeroPage) this.#store.addMissing(zeros);
    else this.#store.addAbsent();
  }

  /** Whether the next page fits even if it does not compress. */
  #hasRoom(): boolean {
    const { limitBytes, first } = this.#bound;
    this.#pfn = this.#bitmap2.nextSet(this.#pfn + 1);
    const isFirst = first.has(this.#pfn);
    if (isFirst) this.#firstPagesDone++;
    const heldBack = isFirst ? 0 : this.#heldBack();
    return this.#store.endOffset + this.#pageSizeBytes + heldBack <= limitBytes;
  }

  #heldBack(): number {
    const { firstPages, firstPageBytes } = this.#bound;
    if (firstPages === 0) return 0;
    const at = (this.#firstPagesDone * firstPageBytes.length) / firstPages;
    const part = Math.floor(at);
    if (part >= firstPageBytes.length) return 0;
    const [here, behind] = [this.#bytesAhead[part], this.#bytesAhead[part + 1]];
    return here + (behind - here) * (at - part);
  }
}

/** The fewer pages remain, the fewer samples there are for them and the larger is the error margin per page. */
function bytesAhead({ firstPages, firstPageBytes }: Bound): Float64Array {
  const parts = firstPageBytes.length;
  const { variance } = spreadOf(firstPageBytes);
  const partPages = firstPages / parts;
  const ahead = new Float64Array(parts + 1);
  let bytes = 0;
  for (let part = parts - 1; part >= 0; part--) {
    bytes += partPages * firstPageBytes[part];
    ahead[part] = bytes + STANDARD_ERRORS * partPages * Math.sqrt(variance * (parts - part));
  }
  return ahead;
}
