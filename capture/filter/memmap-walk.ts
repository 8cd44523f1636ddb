/** Feeds the memmap to the classifier: one address translation for each run of struct pages, read by the source's windows. */
import { describeError } from '../errors.ts';
import type { KernelMemory } from '../kernel/memory.ts';
import type { MemmapRange } from '../kernel/sections.ts';
import type { Vmcore } from '../vmcore/open.ts';
import type { PageClassifier } from './classify.ts';

/** Bounds the time between two calls of `onProgress`. */
const WINDOW_BYTES = 4 << 20;
/** They take some seconds. With more holes it is not a memmap. */
const MAX_FAILURES = 1 << 16;

export interface MemmapWalk {
  /** Pages of online memory whose struct page was read, or that belong to a block whose first one was. */
  readonly pagesSeen: number;
  /** Pages of online memory whose struct page could not be read; they are kept. */
  readonly pagesUnreadable: number;
  /** The reason for the first of them. */
  readonly firstFailure: string | undefined;
}

/** Throws only what `onProgress` throws. */
export function walkMemmap(
  vmcore: Pick<Vmcore, 'source' | 'segments'>,
  memory: KernelMemory,
  ranges: Iterable<MemmapRange>,
  structBytes: number,
  classifier: PageClassifier,
  onProgress: (pagesDone: number) => void,
): MemmapWalk {
  const { pageSizeBytes } = memory.arch;
  const reader = new StructPageReader(vmcore, memory, structBytes, classifier);
  let pagesSeen = 0;
  let pagesUnreadable = 0;
  for (const { pfnStart, pfnEnd, vaddr, isOnline } of ranges) {
    reader.begin(isOnline);
    let pfn = pfnStart;
    while (pfn < pfnEnd) {
      const known = isOnline ? classifier.skipBlock(pfn, pfnEnd) : pfn;
      pagesSeen += known - pfn;
      pfn = known;
      if (pfn === pfnEnd) break;
      const gaveUp = reader.failures >= MAX_FAILURES;
      const at = BigInt.asUintN(64, vaddr + BigInt(pfn - pfnStart) * BigInt(structBytes));
      const done = gaveUp ? 0 : reader.take(at, pfn, pfnEnd - pfn);
      if (isOnline) pagesSeen += done;
      pfn += done;
      if (done > 0) {
        onProgress(pagesSeen);
        continue;
      }
      const skipped = gaveUp
        ? pfnEnd - pfn
        : Math.min(pfnEnd - pfn, Math.ceil(bytesToNextPage(at, pageSizeBytes) / structBytes));
      if (isOnline) pagesUnreadable += skipped;
      pfn += skipped;
    }
  }
  return { pagesSeen, pagesUnreadable, firstFailure: reader.firstFailure };
}

class StructPageReader {
  readonly #vmcore: Pick<Vmcore, 'source' | 'segments'>;
  readonly #memory: KernelMemory;
  readonly #structBytes: number;
  readonly #classifier: PageClassifier;
  readonly #windowBytes: number;
  /** For windows that begin at an odd address. */
  #copy = new Uint8Array(0);
  readonly #pair: Int32Array<ArrayBuffer>;
  #isCareful = false;
  #isOnline = true;
  failures = 0;
  firstFailure: string | undefined;

  constructor(
    vmcore: Pick<Vmcore, 'source' | 'segments'>,
    memory: KernelMemory,
    structBytes: number,
    classifier: PageClassifier,
  ) {
    this.#vmcore = vmcore;
    this.#memory = memory;
    this.#structBytes = structBytes;
    this.#classifier = classifier;
    this.#windowBytes = Math.min(WINDOW_BYTES, vmcore.source.maxWindowBytes);
    this.#pair = new Int32Array((2 * structBytes) / 4);
  }

  /** Starts a new range: a failure in the last one says nothing about this one. */
  begin(isOnline: boolean): void {
    this.#isCareful = false;
    this.#isOnline = isOnline;
  }

  /** Takes one contiguous run from `vaddr` on, where the struct page of `pfn` is. Returns how many pages were done. */
  take(vaddr: bigint, pfn: number, count: number): number {
    const structBytes = this.#structBytes;
    const { source, segments } = this.#vmcore;
    const { arch } = this.#memory;
    try {
      const mapping = this.#memory.translate(vaddr);
      if (!mapping) return this.#fail(`the struct page of page ${pfn} is not mapped`);
      const limitBytes = this.#isCareful ? bytesToNextPage(vaddr, arch.pageSizeBytes) : this.#windowBytes;
      const runBytes = Math.min(limitBytes, mapping.lengthBytes, segments.fileRunBytes(mapping.paddr));
      const held = Math.floor(runBytes / structBytes);
      if (held <= 1) return this.#takeOne(vaddr, pfn);
      const window = source.window(segments.fileOffset(mapping.paddr)!, held * structBytes);
      return this.#classify(this.#wordsOf(window), held, pfn, Math.min(count, held));
    } catch (error) {
      this.#fail(describeError(error));
      if (this.#isCareful) return 0;
      // Reading page by page finds the one that fails.
      this.#isCareful = true;
      return this.take(vaddr, pfn, count);
    }
  }

  /** A struct page that crosses two runs or is the last of one, with the next one if that can be read. */
  #takeOne(vaddr: bigint, pfn: number): number {
    const bytes = new Uint8Array(this.#pair.buffer);
    // Zeros are not a tail page: a head whose tail cannot be read counts as a single page.
    bytes.fill(0);
    if (this.#memory.readVirtualUpTo(vaddr, bytes) < this.#structBytes) {
      return this.#fail(`the vmcore does not hold the struct page of page ${pfn}`);
    }
    return this.#classify(this.#pair, 2, pfn, 1);
  }

  #classify(words: Int32Array, held: number, firstPfn: number, count: number): number {
    if (this.#isOnline) return this.#classifier.take(words, held, firstPfn, count);
    this.#classifier.takeOffline(words, firstPfn, count);
    return count;
  }

  #wordsOf(bytes: Uint8Array): Int32Array {
    if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    if (this.#copy.length < bytes.length) this.#copy = new Uint8Array(this.#windowBytes);
    this.#copy.set(bytes);
    return new Int32Array(this.#copy.buffer, 0, bytes.length / 4);
  }

  #fail(text: string): 0 {
    this.failures++;
    this.firstFailure ??= text;
    return 0;
  }
}

/** Page tables map whole pages, so a hole in the memmap is left page by page. 1 to `pageSizeBytes`. */
function bytesToNextPage(vaddr: bigint, pageSizeBytes: number): number {
  return pageSizeBytes - Number(vaddr % BigInt(pageSizeBytes));
}
