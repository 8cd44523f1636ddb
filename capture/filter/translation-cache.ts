/** Caches for a scan of millions of words that may be pointers: page tables, and translations of addresses. */
import type { Translation } from '../kernel/arch/arch.ts';
import type { KernelMemory } from '../kernel/memory.ts';
import { readPhysical, type Vmcore } from '../vmcore/open.ts';

const MOST_CACHED_TABLES = 1024;
export const NOT_MAPPED = -1;

export interface VaddrRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Reads page tables: the same few are read over and over. */
export class TableCache {
  readonly #vmcore: Vmcore;
  readonly #onPage: (pfn: number) => void;
  readonly #pages = new Map<number, Uint8Array>();

  /** @param onPage is called for every page that is read. */
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

/** Translates addresses; a large leaf of the page tables is looked up once for all of it. */
export class LeafCache {
  readonly #memory: KernelMemory;
  readonly #avoided: VaddrRange | undefined;
  readonly #large: UnitCache;
  readonly #small: UnitCache;

  constructor(memory: KernelMemory, avoided: VaddrRange | undefined) {
    this.#memory = memory;
    this.#avoided = avoided;
    this.#large = new UnitCache(memory.arch.largeLeafBytes);
    this.#small = new UnitCache(memory.arch.pageSizeBytes);
  }

  /** @param low the lower half of the address, below 2^32. @returns NOT_MAPPED for an address to avoid, too. */
  paddrOf(high: number, low: number): number {
    return (
      this.#large.get(high, low) ??
      this.#small.get(high, low) ??
      this.#lookUp(BigInt(high) * 2n ** 32n + BigInt(low), high, low)
    );
  }

  #lookUp(vaddr: bigint, high: number, low: number): number {
    if (this.#avoided && vaddr >= this.#avoided.start && vaddr < this.#avoided.end) return NOT_MAPPED;
    let unit = this.#small;
    let found: Translation | undefined;
    try {
      const large = this.#memory.translate(vaddr - (vaddr % BigInt(this.#large.unitBytes)));
      if (large && large.lengthBytes >= this.#large.unitBytes) {
        unit = this.#large;
        found = large;
      } else {
        found = this.#memory.translate(vaddr - (vaddr % BigInt(unit.unitBytes)));
      }
    } catch {
      found = undefined;
    }
    unit.set(high, low, found ? found.paddr : NOT_MAPPED);
    return found ? found.paddr + (low % unit.unitBytes) : NOT_MAPPED;
  }
}

/** Translations of aligned units of one size. The size is a power of two of at most 4 GiB, so that keys are exact numbers. */
class UnitCache {
  readonly unitBytes: number;
  readonly #unitsPerHigh: number;
  readonly #starts = new Map<number, number>();

  constructor(unitBytes: number) {
    this.unitBytes = unitBytes;
    this.#unitsPerHigh = 2 ** 32 / unitBytes;
  }

  get(high: number, low: number): number | undefined {
    const start = this.#starts.get(this.#key(high, low));
    return start === undefined || start === NOT_MAPPED ? start : start + (low % this.unitBytes);
  }

  set(high: number, low: number, start: number): void {
    this.#starts.set(this.#key(high, low), start);
  }

  #key(high: number, low: number): number {
    return high * this.#unitsPerHigh + Math.floor(low / this.unitBytes);
  }
}
