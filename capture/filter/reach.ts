/**
 * The pages that a debugger needs first: those reachable from the kernel's own data. The kernel's structures are not known
 * without debug symbols, but anything that looks like a pointer can be followed, as a conservative garbage collector does.
 * Pages nearest to the kernel's image and the per-CPU areas come first; the page tables used on the way are included.
 */
import { chooseArch } from '../kernel/arch/choose.ts';
import { KernelMemory } from '../kernel/memory.ts';
import { decodePageLayout } from '../kernel/page-layout.ts';
import { memmapRanges } from '../kernel/sections.ts';
import { readPhysical, type Vmcore } from '../vmcore/open.ts';
import { type PfnRange, pfnRanges } from '../vmcore/segments.ts';
import type { Bitmap } from './bitmap.ts';
import { perCpuAreas } from './per-cpu.ts';
import { RecentAddresses } from './recent-addresses.ts';
import { LeafCache, NOT_MAPPED, TableCache, type VaddrRange } from './translation-cache.ts';

/** Distributions' kernels have some 30 to 60 MiB. */
const MOST_IMAGE_BYTES = 128 << 20;
/** From here on a word is a small negative number, usually an error code. */
const SMALL_NEGATIVE_HIGH = 0xffff_ffff;
const SMALL_NEGATIVE_LOW = 0xffff_0000;
/** A pointer leads to the start of an object. Large objects, like task_struct, take this much. */
const OBJECT_BYTES = 12 << 10;
/** Static per-CPU variables take some 200 KiB. A debugger looks there first for the running task. */
const PER_CPU_BYTES = 256 << 10;

export interface ReachRequest {
  /** The pages of the dump: no others are taken. */
  readonly bitmap2: Bitmap;
  /** The search ends when this many pages were found. */
  readonly mostPages: number;
  readonly onProgress?: (pagesDone: number) => void;
  readonly allocate?: (sizeBytes: number) => Uint8Array;
}

/**
 * Page frame numbers, those that are needed most first. Degradable: pointers in unreadable pages are not followed.
 * @throws KernelError when vmcoreinfo does not say where the kernel image is.
 */
export function reachablePages(vmcore: Vmcore, request: ReachRequest): readonly number[] {
  const { bitmap2, mostPages } = request;
  const { pageSizeBytes } = vmcore;
  const found = bitmap2.alike(request.allocate);
  const queue: number[] = [];
  const reach = (pfn: number): void => {
    if (queue.length >= mostPages || !bitmap2.has(pfn) || found.has(pfn)) return;
    found.set(pfn);
    queue.push(pfn);
  };
  const reachAll = ({ start, end }: PfnRange): void => {
    for (let pfn = bitmap2.nextSet(start, end); pfn < end; pfn = bitmap2.nextSet(pfn + 1, end)) reach(pfn);
  };
  const tables = new TableCache(vmcore, reach);
  const memory = new KernelMemory(chooseArch(vmcore), (paddr, into) => tables.read(paddr, into));
  const leaves = new LeafCache(memory, memmapSpan(vmcore, memory));

  const { pointers, stackBytes } = memory.arch;
  const pagesOf = (lengthBytes: number) => Math.ceil(lengthBytes / pageSizeBytes);
  const [objectPages, perCpuPages, stackPages] = [OBJECT_BYTES, PER_CPU_BYTES, stackBytes].map(pagesOf);

  const image = [...imageRanges(vmcore, memory)];
  const data = image.filter(({ isExecutable }) => !isExecutable);
  const text = image.filter(({ isExecutable }) => isExecutable);
  const isText = (pfn: number): boolean => text.some(({ start, end }) => pfn >= start && pfn < end);
  const words = new Uint32Array(pageSizeBytes / Uint32Array.BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(words.buffer);
  const recent = new RecentAddresses(pageSizeBytes);

  for (const range of data) reachAll(range);
  const imagePages = queue.length;
  for (const { high, low } of perCpuAreas(dataWords(vmcore, data, words), pointers, pageSizeBytes)) {
    const paddr = leaves.paddrOf(high, low);
    if (paddr === NOT_MAPPED) continue;
    for (let part = 0; part < perCpuPages; part++) reach(Math.floor(paddr / pageSizeBytes) + part);
  }
  for (let i = 0; i < queue.length && queue.length < mostPages; i++) {
    if (i % 1024 === 0) request.onProgress?.(i);
    if (isText(queue[i]) || !readPage(vmcore, queue[i] * pageSizeBytes, bytes)) continue;
    for (let at = 1; at < words.length; at += 2) {
      const high = words[at];
      if (high < pointers.lowestHigh || (high === SMALL_NEGATIVE_HIGH && words[at - 1] >= SMALL_NEGATIVE_LOW))
        continue;
      const low = words[at - 1];
      const maybeStack = (low & (stackBytes - 1)) === 0;
      // All that an address leads to is found already, but for what only the start of a stack leads to.
      if (!maybeStack && recent.has(high, low)) continue;
      const paddr = leaves.paddrOf(high, low);
      const pfn = Math.floor(paddr / pageSizeBytes);
      const isCode = paddr !== NOT_MAPPED && isText(pfn);
      // The image points to all of its functions. A stack points to those that ran, somewhere into their middle.
      if (isCode && i < imagePages) continue;
      recent.add(high, low);
      if (paddr === NOT_MAPPED) continue;
      for (let part = isCode ? pfn - 1 : pfn; part < pfn + objectPages; part++) reach(part);
      if (maybeStack && !isCode) {
        for (let next = 1; next < stackPages; next++) {
          // A stack is in vmalloc: its pages need not be adjacent in physical memory.
          const part = leaves.paddrOf(high, low + next * pageSizeBytes);
          if (part !== NOT_MAPPED) reach(Math.floor(part / pageSizeBytes));
        }
      }
    }
  }
  // Code comes last: a debugger has most of it in the kernel's symbol file.
  for (const range of text) reachAll(range);
  return queue;
}

/** The pages of the image's data, each in turn in `words`. */
function* dataWords(vmcore: Vmcore, data: readonly PfnRange[], words: Uint32Array): Generator<Uint32Array> {
  const bytes = new Uint8Array(words.buffer);
  for (const { start, end } of data)
    for (let pfn = start; pfn < end; pfn++)
      if (readPage(vmcore, pfn * vmcore.pageSizeBytes, bytes)) yield words;
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

/** Where the memmap is, if it is in one piece (VMEMMAP). It is large, much points to it, and no debugger needs it to start. */
function memmapSpan(vmcore: Vmcore, memory: KernelMemory): VaddrRange | undefined {
  const { layout } = decodePageLayout(vmcore.vmcoreinfo);
  if (!layout) return undefined;
  const wanted = pfnRanges(vmcore.segments.segments, vmcore.pageSizeBytes, 'file');
  const all = [...memmapRanges(memory, vmcore.vmcoreinfo, layout.structBytes, wanted, [])];
  const ranges = all.filter(({ isOnline }) => isOnline);
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
