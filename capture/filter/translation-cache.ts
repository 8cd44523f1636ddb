/** What a walk through millions of words that may be pointers asks again and again: page tables, and where a page lies. */
import type { KernelMemory } from '../kernel/memory.ts';
import { readPhysical, type Vmcore } from '../vmcore/open.ts';

/** A leaf of the page tables is at least a page; most of memory is mapped by leaves of this size or more. */
const LARGE_LEAF_BYTES = 2 << 20;
const MOST_CACHED_TABLES = 1024;
export const NOT_MAPPED = -1;

export interface VaddrRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Page tables, of which the same few are read again and again. */
export class TableCache {
  readonly #vmcore: Vmcore;
  readonly #onPage: (pfn: number) => void;
  readonly #pages = new Map<number, Uint8Array>();

  /** @param onPage hears of every page that is read. */
  constructor(vmcore: Vmcore, onPage: (pfn: number) => void) {
    this.#vmcore = vmcore;
    this.#onPage = onPage;
  }

  read(paddr: number, into: Uint8Array): number {
    const { pageSizeBytes } = this.#vmcore;
    const pfn = Math.floor(paddr / pageSizeBytes);
    const at = paddr - pfn * pageSizeBytes;
    this.#onPage(pfn);
    if (at + into.length > pageSizeBytes) return readPhysical(this.#vmcore, paddr, into);
    let page = this.#pages.get(pfn);
    if (!page) {
      const bytes = new Uint8Array(pageSizeBytes);
      page = bytes.subarray(0, readPhysical(this.#vmcore, pfn * pageSizeBytes, bytes));
      if (this.#pages.size >= MOST_CACHED_TABLES) this.#pages.clear();
      this.#pages.set(pfn, page);
    }
    const held = page.subarray(at, at + into.length);
    into.set(held);
    return held.length;
  }
}

/** Translates millions of words that may be pointers: what maps 2 MiB or more is looked up once for all of that. */
export class LeafCache {
  readonly #memory: KernelMemory;
  readonly #avoided: VaddrRange | undefined;
  /** Of an address in units of the leaf, where it lies. */
  readonly #large = new Map<number, number>();
  readonly #small = new Map<number, number>();

  constructor(memory: KernelMemory, avoided: VaddrRange | undefined) {
    this.#memory = memory;
    this.#avoided = avoided;
  }

  paddrOf(high: number, low: number): number {
    // The upper 8 bits are ones: what is left fits into a number.
    const vaddr = (high & 0x00ff_ffff) * 2 ** 32 + low;
    const largeKey = Math.floor(vaddr / LARGE_LEAF_BYTES);
    const large = this.#large.get(largeKey);
    if (large === NOT_MAPPED) return NOT_MAPPED;
    if (large !== undefined) return large + (vaddr % LARGE_LEAF_BYTES);
    const smallKey = Math.floor(vaddr / 4096);
    const small = this.#small.get(smallKey);
    if (small !== undefined) return small === NOT_MAPPED ? small : small + (vaddr % 4096);
    return this.#lookUp(BigInt(high) * 2n ** 32n + BigInt(low), largeKey, smallKey);
  }

  #lookUp(vaddr: bigint, largeKey: number, smallKey: number): number {
    if (this.#avoided && vaddr >= this.#avoided.start && vaddr < this.#avoided.end) return NOT_MAPPED;
    let found: { paddr: number; lengthBytes: number } | undefined;
    try {
      const start = vaddr - (vaddr % BigInt(LARGE_LEAF_BYTES));
      const whole = this.#memory.translate(start);
      if (whole && whole.lengthBytes >= LARGE_LEAF_BYTES) {
        this.#large.set(largeKey, whole.paddr);
        return whole.paddr + Number(vaddr - start);
      }
      found = this.#memory.translate(vaddr - (vaddr % 4096n));
    } catch {
      found = undefined;
    }
    this.#small.set(smallKey, found ? found.paddr : NOT_MAPPED);
    return found ? found.paddr + Number(vaddr % 4096n) : NOT_MAPPED;
  }
}
