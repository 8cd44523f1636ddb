/** Translations that were found lately. A walk through the page tables reads one after another, and structures lie close together. */
import type { Arch, LastTables, Translation } from './arch/arch.ts';

/** Of large leaves, and as many of pages: a power of two. */
const SLOTS = 128;
/** Of an empty slot: equal to no page, and none is before or behind it. */
const NONE = Number.NaN;

/** An address is looked for in one slot for its large leaf and in one for its page. */
export class RecentTranslations {
  readonly #pageShift: bigint;
  readonly #pageSizeBytes: number;
  /** Of an address, the bits within its page. */
  readonly #withinPage: bigint;
  /** Pages of a large leaf, less one: of the number of a page, the bits within the leaf. */
  readonly #withinLarge: number;
  readonly #largeShift: number;
  /** By slot: the numbers of the first page and behind the last, and the physical address of the first. */
  readonly #starts = new Float64Array(2 * SLOTS).fill(NONE);
  readonly #ends = new Float64Array(2 * SLOTS).fill(NONE);
  readonly #paddrs = new Float64Array(2 * SLOTS);
  /** By the slot of a large leaf: the number of its first page where it is none but a table of pages, and where that is. */
  readonly #tableStarts = new Float64Array(SLOTS).fill(NONE);
  readonly #tablePaddrs = new Float64Array(SLOTS);
  readonly tables: LastTables = {
    find: page => {
      const slot = (page >>> this.#largeShift) & (SLOTS - 1);
      const isKnown = page - (page & this.#withinLarge) === this.#tableStarts[slot];
      return isKnown ? this.#tablePaddrs[slot] : undefined;
    },
    add: (page, paddr) => {
      const slot = (page >>> this.#largeShift) & (SLOTS - 1);
      this.#tableStarts[slot] = page - (page & this.#withinLarge);
      this.#tablePaddrs[slot] = paddr;
    },
  };

  constructor({
    pageShift,
    pageSizeBytes,
    largeLeafBytes,
  }: Pick<Arch, 'pageShift' | 'pageSizeBytes' | 'largeLeafBytes'>) {
    this.#pageShift = BigInt(pageShift);
    this.#pageSizeBytes = pageSizeBytes;
    this.#withinPage = BigInt(pageSizeBytes - 1);
    this.#withinLarge = largeLeafBytes / pageSizeBytes - 1;
    this.#largeShift = Math.log2(largeLeafBytes / pageSizeBytes);
  }

  find(vaddr: bigint): Translation | undefined {
    const page = Number(vaddr >> this.#pageShift);
    let slot = (page >>> this.#largeShift) & (SLOTS - 1);
    if (!(page >= this.#starts[slot]! && page < this.#ends[slot]!)) {
      slot = SLOTS + (page & (SLOTS - 1));
      if (page !== this.#starts[slot]) return undefined;
    }
    const start = this.#starts[slot]!;
    const size = this.#pageSizeBytes;
    const within = (page - start) * size + Number(vaddr & this.#withinPage);
    return { paddr: this.#paddrs[slot]! + within, lengthBytes: (this.#ends[slot]! - start) * size - within };
  }

  /** @param found the translation of `vaddr`. */
  add(vaddr: bigint, { paddr, lengthBytes }: Translation): void {
    const size = this.#pageSizeBytes;
    const page = Number(vaddr >> this.#pageShift);
    const within = Number(vaddr & this.#withinPage);
    // What goes on behind the page is a large leaf, and all of it is mapped.
    const isLarge = within + lengthBytes > size;
    const before = isLarge ? page & this.#withinLarge : 0;
    // Bit operators take the last 32 bits of a number.
    const slot = isLarge ? (page >>> this.#largeShift) & (SLOTS - 1) : SLOTS + (page & (SLOTS - 1));
    this.#starts[slot] = page - before;
    this.#ends[slot] = Math.min(page - before + this.#withinLarge + 1, page + (within + lengthBytes) / size);
    this.#paddrs[slot] = paddr - within - before * size;
  }

  clear(): void {
    this.#starts.fill(NONE);
    this.#ends.fill(NONE);
    this.#tableStarts.fill(NONE);
  }
}
