/** The dead kernel's memory for reads of a few bytes in a few pages, again and again: stacks and tables. */
import type { KernelMemory } from '../../kernel/memory.ts';

const PAGE_BYTES = 4096;
const PAGE_MASK = BigInt(PAGE_BYTES - 1);
/** A stack has a few, a search in the unwinding tables twenty. */
const MOST_PAGES = 64;

export class Words {
  readonly #memory: Pick<KernelMemory, 'readVirtualUpTo' | 'readVirtualInto'>;
  /** By the address of a page, the bytes that the dump holds from its beginning on; the last that was read is the last. */
  readonly #pages = new Map<bigint, DataView<ArrayBuffer>>();

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

  /** To be used at once: the next page may take its place. @throws KernelError when the dump does not hold them. */
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
    const bytes = this.#freePage();
    const page = new DataView(bytes.buffer, 0, this.#memory.readVirtualUpTo(vaddr, bytes));
    this.#pages.set(vaddr, page);
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
