/** Finds the zero pages before anything is written: in an ELF core they determine where PT_LOADs begin and end. */
import type { Bitmap } from '../filter/bitmap.ts';
import type { Steps } from '../kdump/steps.ts';
import { PageLoop, type PageTaker } from '../kdump/write/page-loop.ts';
import type { Vmcore } from '../vmcore/open.ts';

export interface ZeroScanInput {
  readonly vmcore: Pick<Vmcore, 'source' | 'segments' | 'pageSizeBytes'>;
  readonly bitmap2: Bitmap;
}

/** The pages of `bitmap2` that are not zero, including those that cannot be read. */
export function* withoutZeroPages(
  { vmcore, bitmap2 }: ZeroScanInput,
  onProgress: (pagesDone: number) => void,
): Steps<Bitmap> {
  const scan = new ZeroScan(bitmap2);
  const input = { vmcore, pageSizeBytes: vmcore.pageSizeBytes, bitmap2, findsZeros: true };
  for (const pagesDone of new PageLoop(input, scan, { onUnreadable: () => {} }).take()) {
    onProgress(pagesDone);
    yield;
  }
  return scan.kept;
}

/** Pages arrive in the order of the bitmap, so their numbers need not be passed. */
class ZeroScan implements PageTaker {
  readonly kept: Bitmap;
  readonly #all: Bitmap;
  #pfn: number;

  constructor(all: Bitmap) {
    this.#all = all;
    this.kept = all.copy();
    this.#pfn = all.nextSet(0);
  }

  add(_window: Buffer, _at: number, pages: number): void {
    for (let i = 0; i < pages; i++) this.#pfn = this.#all.nextSet(this.#pfn + 1);
  }

  addZeros(_zeros: Buffer, pages: number): void {
    for (let i = 0; i < pages; i++) {
      this.kept.clear(this.#pfn);
      this.#pfn = this.#all.nextSet(this.#pfn + 1);
    }
  }

  addMissing(): void {
    this.#pfn = this.#all.nextSet(this.#pfn + 1);
  }
}
