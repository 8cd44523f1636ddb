/**
 * A dump that must not grow past a limit: pages that no longer fit become absent, those that are needed least first. Their
 * descriptors read as offset 0, which readers of a dump marked incomplete take for "missing" (crash: --zero_excluded).
 */
import type { Bitmap } from '../../filter/bitmap.ts';
import type { PageTaker } from './page-loop.ts';
import type { PageStore } from './page-store.ts';
import { STANDARD_ERRORS, spreadOf } from './predict.ts';

export interface Bound {
  /** The file ends before this. */
  readonly limitBytes: number;
  /** The pages that are wanted most: the others are kept only as far as the room for these is safe. */
  readonly first: Bitmap;
  /** How many of them are dumpable. */
  readonly firstPages: number;
  /** What a page takes of each of so many equal parts of them, in order: measured on one of each. */
  readonly firstPageBytes: readonly number[];
}

/** Takes the dumpable pages of `bitmap2` in order, all of them. */
export class BoundedTaker implements PageTaker {
  readonly #store: PageStore;
  readonly #bitmap2: Bitmap;
  readonly #pageSizeBytes: number;
  readonly #bound: Bound;
  #pfn = -1;
  /** What the pages of `first` take that are still to come, from the first of each part on; rather too much than too little. */
  readonly #bytesAhead: Float64Array;
  #firstPagesDone = 0;

  constructor(store: PageStore, bitmap2: Bitmap, pageSizeBytes: number, bound: Bound) {
    this.#store = store;
    this.#bitmap2 = bitmap2;
    this.#pageSizeBytes = pageSizeBytes;
    this.#bound = bound;
    this.#bytesAhead = bytesAhead(bound);
  }

  add(window: Buffer, at: number): void {
    if (this.#hasRoom() || this.#store.takesNoRoom(window, at)) this.#store.add(window, at);
    else this.#store.addAbsent();
  }

  addMissing(zeros: Buffer): void {
    if (this.#hasRoom() || this.#store.sharesZeroPage) this.#store.addMissing(zeros);
    else this.#store.addAbsent();
  }

  /** For the next page, whatever it compresses to. */
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

/** The fewer are ahead, the fewer were measured, and the less is known of one of them. */
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
