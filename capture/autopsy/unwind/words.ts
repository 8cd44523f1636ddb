/** The dead kernel's memory for reads of a few bytes in a few pages, again and again: stacks and tables. */
import type { KernelMemory } from '../../kernel/memory.ts';

const PAGE_BYTES = 4096;
const PAGE_MASK = BigInt(PAGE_BYTES - 1);
const MOST_PAGES = 1024;

export class Words {
  readonly #memory: Pick<KernelMemory, 'readVirtualUpTo' | 'readVirtualInto'>;
  /** The bytes that the dump holds from the beginning of a page on, by its address. */
  readonly #pages = new Map<bigint, DataView>();

  constructor(memory: Pick<KernelMemory, 'readVirtualUpTo' | 'readVirtualInto'>) {
    this.#memory = memory;
  }

  /** @throws KernelError when the dump does not hold it. */
  u64(vaddr: bigint, what: string): bigint {
    return this.view(vaddr, 8, what).getBigUint64(0, true);
  }

  /** An aligned word; undefined when the dump does not hold it. */
  peek(vaddr: bigint): bigint | undefined {
    const within = Number(vaddr & PAGE_MASK);
    const page = this.#page(vaddr - BigInt(within));
    return within + 8 <= page.byteLength ? page.getBigUint64(within, true) : undefined;
  }

  /** @throws KernelError when the dump does not hold it. */
  s32(vaddr: bigint, what: string): number {
    return this.view(vaddr, 4, what).getInt32(0, true);
  }

  /** @throws KernelError when the dump does not hold them. */
  view(vaddr: bigint, lengthBytes: number, what: string): DataView {
    const within = Number(vaddr & PAGE_MASK);
    const page = this.#page(vaddr - BigInt(within));
    if (within + lengthBytes <= page.byteLength)
      return new DataView(page.buffer, page.byteOffset + within, lengthBytes);
    const bytes = new Uint8Array(lengthBytes);
    this.#memory.readVirtualInto(vaddr, bytes, what);
    return new DataView(bytes.buffer);
  }

  #page(vaddr: bigint): DataView {
    const known = this.#pages.get(vaddr);
    if (known) return known;
    const bytes = new Uint8Array(PAGE_BYTES);
    const page = new DataView(bytes.buffer, 0, this.#memory.readVirtualUpTo(vaddr, bytes));
    if (this.#pages.size >= MOST_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    this.#pages.set(vaddr, page);
    return page;
  }
}
