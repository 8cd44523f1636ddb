/** The dead kernel's memory for reads of a few bytes in a few pages, again and again: stacks and tables. */
import type { KernelMemory } from '../../kernel/memory.ts';

const PAGE_BYTES = 4096;
const PAGE_SHIFT = 12n;
const PAGE_MASK = BigInt(PAGE_BYTES - 1);
const WORD_BYTES = 8;
/** A stack has a few, a search in the unwinding tables twenty. */
const MOST_PAGES = 32;

export class Words {
  readonly #memory: Pick<KernelMemory, 'readVirtualUpTo' | 'readVirtualInto'>;
  /** By the number of a page, the bytes that the dump holds from its beginning on; the last that was read is the last. */
  readonly #pages = new Map<number, DataView<ArrayBuffer>>();

  constructor(memory: Pick<KernelMemory, 'readVirtualUpTo' | 'readVirtualInto'>) {
    this.#memory = memory;
  }

  /** @throws KernelError when the dump does not hold it. */
  u64(vaddr: bigint, what: string): bigint {
    const within = Number(vaddr & PAGE_MASK);
    const page = this.#page(Number(vaddr >> PAGE_SHIFT));
    if (within + WORD_BYTES <= page.byteLength) return page.getBigUint64(within, true);
    return this.#across(vaddr, WORD_BYTES, what).getBigUint64(0, true);
  }

  /** An aligned word; undefined when the dump does not hold it. */
  peek(vaddr: bigint): bigint | undefined {
    const within = Number(vaddr & PAGE_MASK);
    const page = this.#page(Number(vaddr >> PAGE_SHIFT));
    return within + WORD_BYTES <= page.byteLength ? page.getBigUint64(within, true) : undefined;
  }

  /**
   * The aligned words from `start` up to `end` whose upper half is so large, each with its address. What the dump does not hold
   * is passed over: it is missing by the page.
   */
  *from(start: bigint, end: bigint, leastHigh: number): Generator<{ slot: bigint; word: bigint }, void> {
    for (let at = start; at < end; ) {
      const within = Number(at & PAGE_MASK);
      const wanted = Math.min(PAGE_BYTES, within + Number(end - at));
      const number = Number(at >> PAGE_SHIFT);
      const last = Math.min(wanted, this.#page(number).byteLength) - WORD_BYTES;
      for (let i = within; i <= last; i += WORD_BYTES) {
        // Whoever takes a word may read another page, which takes the place of this one.
        const page = this.#page(number);
        if (page.getUint32(i + 4, true) >= leastHigh)
          yield { slot: at + BigInt(i - within), word: page.getBigUint64(i, true) };
      }
      at += BigInt(PAGE_BYTES - within);
    }
  }

  /** @throws KernelError when the dump does not hold it. */
  s32(vaddr: bigint, what: string): number {
    const within = Number(vaddr & PAGE_MASK);
    const page = this.#page(Number(vaddr >> PAGE_SHIFT));
    if (within + 4 <= page.byteLength) return page.getInt32(within, true);
    return this.#across(vaddr, 4, what).getInt32(0, true);
  }

  /** To be used at once: the next page may take its place. @throws KernelError when the dump does not hold them. */
  view(vaddr: bigint, lengthBytes: number, what: string): DataView {
    const within = Number(vaddr & PAGE_MASK);
    const page = this.#page(Number(vaddr >> PAGE_SHIFT));
    if (within + lengthBytes <= page.byteLength)
      return new DataView(page.buffer, page.byteOffset + within, lengthBytes);
    return this.#across(vaddr, lengthBytes, what);
  }

  /** Across the end of a page, or of what the dump holds. */
  #across(vaddr: bigint, lengthBytes: number, what: string): DataView {
    const bytes = new Uint8Array(lengthBytes);
    this.#memory.readVirtualInto(vaddr, bytes, what);
    return new DataView(bytes.buffer);
  }

  #page(number: number): DataView {
    const known = this.#pages.get(number);
    if (known) return known;
    const bytes = this.#freePage();
    const held = this.#memory.readVirtualUpTo(BigInt(number) << PAGE_SHIFT, bytes);
    const page = new DataView(bytes.buffer, 0, held);
    this.#pages.set(number, page);
    return page;
  }

  /** New ones would stay until the next collection of garbage. */
  #freePage(): Uint8Array<ArrayBuffer> {
    if (this.#pages.size < MOST_PAGES) return new Uint8Array(PAGE_BYTES);
    const [oldest, { buffer }] = this.#pages.entries().next().value!;
    this.#pages.delete(oldest);
    return new Uint8Array(buffer);
  }
}
