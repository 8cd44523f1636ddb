/**
 * The pages that a debugger needs first: those that the kernel's own data lead to. Without debug symbols nobody knows the
 * kernel's structures here, but anything that looks like a pointer to memory can be followed, nearest to the kernel's image
 * and the per-CPU areas first, as a conservative garbage collector does. The page tables used on the way are among them.
 */

import { chooseArch } from '../kernel/arch/arch.ts';
import { KernelMemory } from '../kernel/memory.ts';
import { decodePageLayout } from '../kernel/page-layout.ts';
import { memmapRanges } from '../kernel/sections.ts';
import { readPhysical, type Vmcore } from '../vmcore/open.ts';
import { type PfnRange, pfnRanges } from '../vmcore/segments.ts';
import { Bitmap } from './bitmap.ts';
import { perCpuAreas } from './per-cpu.ts';

/** Distributions' kernels have some 30 to 60 MiB. */
const MOST_IMAGE_BYTES = 128 << 20;
/** A leaf of the page tables is at least a page; most of memory is mapped by leaves of this size or more. */
const LARGE_LEAF_BYTES = 2 << 20;
/** Kernel addresses of x86-64 and arm64 begin so; what is above is small negative numbers. */
const LOWEST_POINTER_HIGH = 0xff00_0000;
/** From here on a word is a small negative number, an error code as a rule. */
const SMALL_NEGATIVE_HIGH = 0xffff_ffff;
const SMALL_NEGATIVE_LOW = 0xffff_0000;
const NOT_MAPPED = -1;
const MOST_CACHED_TABLES = 1024;
/** A pointer leads to where a thing begins. The large ones, like task_struct, go on for pages. */
const OBJECT_PAGES = 3;
/** What is linked into a per-CPU area takes some 200 KiB, and a debugger asks it first which task ran. */
const PER_CPU_PAGES = 64;
/** x86-64 and arm64: THREAD_SIZE is 16 KiB, aligned to its size, in pages that need not lie next to each other. */
const STACK_PAGES = 4;
const STACK_MASK = (16 << 10) - 1;

interface VaddrRange {
  readonly start: bigint;
  readonly end: bigint;
}

export interface ReachRequest {
  /** Pages that may be taken: the dump's. */
  readonly bitmap2: Bitmap;
  /** Stops when so many were found. */
  readonly mostPages: number;
  readonly onProgress?: (pagesDone: number) => void;
  readonly allocate?: (sizeBytes: number) => Uint8Array;
}

export interface Reached {
  readonly pages: Bitmap;
  readonly count: number;
}

/** Degrades: what cannot be read leads nowhere. @throws KernelError when there is no kernel image to begin with. */
export function reachablePages(vmcore: Vmcore, request: ReachRequest): Reached {
  const { bitmap2, mostPages } = request;
  const { pageSizeBytes } = vmcore;
  const pages = Bitmap.create(bitmap2.sizeBits, 1, request.allocate);
  const queue: number[] = [];
  const reach = (pfn: number): void => {
    if (queue.length >= mostPages || !bitmap2.has(pfn) || pages.has(pfn)) return;
    pages.set(pfn);
    queue.push(pfn);
  };
  const tables = new TableCache(vmcore, reach);
  const memory = new KernelMemory(chooseArch(vmcore), (paddr, into) => tables.read(paddr, into));
  const leaves = new LeafCache(memory, memmapSpan(vmcore, memory));

  const image = [...imageRanges(vmcore, memory)];
  // Data first; code leads nowhere, but crash disassembles it to start.
  for (const isExecutable of [false, true]) {
    for (const { start, end } of image.filter(range => range.isExecutable === isExecutable)) {
      for (let pfn = bitmap2.nextSet(start, end); pfn < end; pfn = bitmap2.nextSet(pfn + 1, end)) reach(pfn);
    }
  }
  const words = new Uint32Array(pageSizeBytes / Uint32Array.BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(words.buffer);
  const data = function* (): Generator<Uint32Array> {
    for (const { start, end } of image.filter(({ isExecutable }) => !isExecutable)) {
      for (let pfn = start; pfn < end; pfn++) if (readPage(vmcore, pfn * pageSizeBytes, bytes)) yield words;
    }
  };
  for (const { high, low } of perCpuAreas(data(), LOWEST_POINTER_HIGH)) {
    const paddr = leaves.paddrOf(high, low);
    if (paddr === NOT_MAPPED) continue;
    for (let part = 0; part < PER_CPU_PAGES; part++) reach(Math.floor(paddr / pageSizeBytes) + part);
  }
  for (let i = 0; i < queue.length && queue.length < mostPages; i++) {
    if (i % 1024 === 0) request.onProgress?.(i);
    if (!readPage(vmcore, queue[i] * pageSizeBytes, bytes)) continue;
    for (let at = 1; at < words.length; at += 2) {
      const high = words[at];
      if (high < LOWEST_POINTER_HIGH || (high === SMALL_NEGATIVE_HIGH && words[at - 1] >= SMALL_NEGATIVE_LOW))
        continue;
      const paddr = leaves.paddrOf(high, words[at - 1]);
      if (paddr === NOT_MAPPED) continue;
      const pfn = Math.floor(paddr / pageSizeBytes);
      for (let part = 0; part < OBJECT_PAGES; part++) reach(pfn + part);
      if ((words[at - 1] & STACK_MASK) === 0) {
        for (let next = 1; next < STACK_PAGES; next++) {
          const part = leaves.paddrOf(high, words[at - 1] + next * pageSizeBytes);
          if (part !== NOT_MAPPED) reach(Math.floor(part / pageSizeBytes));
        }
      }
    }
  }
  return { pages, count: queue.length };
}

function* imageRanges(
  { vmcoreinfo }: Vmcore,
  { arch, readPhysical }: KernelMemory,
): Generator<PfnRange & { readonly isExecutable: boolean }> {
  const _stext = vmcoreinfo.requireSymbol('_stext', 'find the kernel image');
  for (let vaddr = _stext; vaddr < _stext + BigInt(MOST_IMAGE_BYTES); ) {
    const leaf = arch.walk(vaddr, readPhysical);
    const lengthBytes = leaf?.lengthBytes ?? arch.pageSizeBytes;
    if (leaf) {
      const start = Math.floor(leaf.paddr / arch.pageSizeBytes);
      const end = start + Math.ceil(lengthBytes / arch.pageSizeBytes);
      yield { start, end, isExecutable: leaf.isExecutable };
    }
    vaddr += BigInt(lengthBytes);
  }
}

/** Where the memmap lies, if in one piece (VMEMMAP). It is large, much is led to, and no debugger needs it to start. */
function memmapSpan(vmcore: Vmcore, memory: KernelMemory): VaddrRange | undefined {
  const { layout } = decodePageLayout(vmcore.vmcoreinfo);
  if (!layout) return undefined;
  const wanted = pfnRanges(vmcore.segments.segments, vmcore.pageSizeBytes, 'file');
  const ranges = [...memmapRanges(memory, vmcore.vmcoreinfo, layout.structBytes, wanted, [])];
  const [first, last] = [ranges[0], ranges.at(-1)];
  if (!first || !last) return undefined;
  const bytesTo = (pfn: number) => BigInt((pfn - first.pfnStart) * layout.structBytes);
  if (last.vaddr - first.vaddr !== bytesTo(last.pfnStart)) return undefined;
  return { start: first.vaddr, end: first.vaddr + bytesTo(last.pfnEnd) };
}

function readPage(vmcore: Vmcore, paddr: number, into: Uint8Array): boolean {
  try {
    return readPhysical(vmcore, paddr, into) === into.length;
  } catch {
    return false;
  }
}

/** Page tables, of which the same few are read again and again. */
class TableCache {
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
class LeafCache {
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
