/** Brings the memmap to the classifier: a translation a run of struct pages, and each run through the source's windows. */
import { describeError } from '../errors.ts';
import type { KernelMemory } from '../kernel/memory.ts';
import type { MemmapRange } from '../kernel/sections.ts';
import { readPhysical, type Vmcore } from '../vmcore/open.ts';
import type { PageClassifier } from './classify.ts';

/** Bounds the time between two calls of `onProgress`. */
const WINDOW_BYTES = 4 << 20;
/** Kernel page tables map in steps of this; a hole in the memmap is left in such steps. */
const STEP_BYTES = 4096;
/** Some seconds' worth. A memmap with more holes is no memmap. */
const MAX_FAILURES = 1 << 16;

export interface MemmapWalk {
  /** Pages whose struct page was seen, or belonged to a block whose first one was. */
  readonly pagesSeen: number;
  /** Pages whose struct page could not be read: they are kept. */
  readonly pagesUnreadable: number;
  readonly warnings: readonly string[];
}

export function walkMemmap(
  vmcore: Pick<Vmcore, 'source' | 'segments'>,
  memory: KernelMemory,
  ranges: Iterable<MemmapRange>,
  structBytes: number,
  classifier: PageClassifier,
  onProgress: (pagesDone: number) => void,
): MemmapWalk {
  const { source, segments } = vmcore;
  const windowBytes = Math.min(WINDOW_BYTES, source.maxWindowBytes);
  const scratch = new Uint32Array((2 * structBytes) / 4);
  let copy = new Uint8Array(0);
  let pagesSeen = 0;
  let pagesUnreadable = 0;
  let failures = 0;
  let firstFailure: string | undefined;
  const fail = (text: string): void => {
    failures++;
    firstFailure ??= text;
  };

  /** The bytes as words; copied when the source has them at an odd address. */
  const asWords = (bytes: Uint8Array, held: number): Uint32Array => {
    const usedBytes = held * structBytes;
    if (bytes.byteOffset % 4 === 0) return new Uint32Array(bytes.buffer, bytes.byteOffset, usedBytes / 4);
    if (copy.length < usedBytes) copy = new Uint8Array(windowBytes);
    copy.set(bytes.subarray(0, usedBytes));
    return new Uint32Array(copy.buffer, 0, usedBytes / 4);
  };

  /** Takes what one contiguous run holds from the struct page of `pfn` on; returns how many pages were done. */
  const takeRun = (vaddr: bigint, pfn: number, count: number): number => {
    const mapping = memory.translate(vaddr);
    if (!mapping) {
      fail(`the struct page of page ${pfn} is not mapped`);
      return 0;
    }
    const runBytes = Math.min(windowBytes, mapping.lengthBytes, segments.fileRunBytes(mapping.paddr));
    const held = Math.floor(runBytes / structBytes);
    if (held > 1) {
      try {
        const offset = segments.fileOffset(mapping.paddr)!;
        const words = asWords(source.window(offset, held * structBytes), held);
        return classifier.take(words, held, pfn, Math.min(count, held));
      } catch (error) {
        fail(describeError(error));
      }
    }
    return takeSingle(vaddr, mapping.paddr, pfn);
  };

  /** A struct page across two runs, the last one of a run, or one in a window that failed. */
  const takeSingle = (vaddr: bigint, paddr: number, pfn: number): number => {
    const bytes = new Uint8Array(scratch.buffer);
    let heldBytes = 0;
    try {
      heldBytes = memory.readVirtualUpTo(vaddr, bytes);
    } catch (error) {
      fail(describeError(error));
      // The second one may lie on the page that fails.
      heldBytes = readFirst(paddr, bytes.subarray(0, structBytes));
    }
    const held = Math.floor(heldBytes / structBytes);
    if (held === 0) {
      fail(`the vmcore does not hold the struct page of page ${pfn}`);
      return 0;
    }
    if (held === 1) bytes.fill(0, structBytes);
    // Zeros are no tail page, so that a head stands for itself alone.
    return classifier.take(scratch, 2, pfn, 1);
  };

  const readFirst = (paddr: number, bytes: Uint8Array): number => {
    try {
      return readPhysical(vmcore, paddr, bytes);
    } catch {
      return 0;
    }
  };

  for (const { pfnStart, pfnEnd, vaddr } of ranges) {
    let pfn = pfnStart;
    while (pfn < pfnEnd) {
      const known = classifier.skipBlock(pfn, pfnEnd);
      pagesSeen += known - pfn;
      pfn = known;
      if (pfn === pfnEnd) break;
      const at = BigInt.asUintN(64, vaddr + BigInt(pfn - pfnStart) * BigInt(structBytes));
      const done = failures < MAX_FAILURES ? takeRun(at, pfn, pfnEnd - pfn) : 0;
      pagesSeen += done;
      pfn += done;
      if (done > 0) {
        onProgress(pagesSeen);
        continue;
      }
      const skipped = failures < MAX_FAILURES ? pagesToNextStep(at, structBytes, pfnEnd - pfn) : pfnEnd - pfn;
      pagesUnreadable += skipped;
      pfn += skipped;
    }
  }
  const warnings =
    pagesUnreadable > 0 || failures > 0
      ? [`${pagesUnreadable} pages are kept, their struct pages cannot be read: ${firstFailure}`]
      : [];
  return { pagesSeen, pagesUnreadable, warnings };
}

/** How many pages have their struct page before the next step. */
function pagesToNextStep(vaddr: bigint, structBytes: number, most: number): number {
  const within = Number(BigInt.asUintN(64, vaddr) % BigInt(STEP_BYTES));
  return Math.min(most, Math.max(1, Math.ceil((STEP_BYTES - within) / structBytes)));
}
