/** Adds the pages of ranges of the crashed kernel's memory. */
import type { DeadKernel } from '../autopsy/kernel.ts';
import type { PageRecorder } from './recorder.ts';

export const POINTER_BYTES = 8;

/** What a part of the selection works with. */
export interface Subject {
  readonly kernel: DeadKernel;
  /** It notes what `kernel` reads. */
  readonly recorder: PageRecorder;
}

/** The pages of `lengthBytes` from `start` on, and the page tables that lead to them. What is not mapped is left out. */
export function addRange({ kernel, recorder }: Subject, start: bigint, lengthBytes: number): void {
  const { memory } = kernel;
  const page = BigInt(memory.arch.pageSizeBytes);
  const end = start + BigInt(lengthBytes);
  for (let at = start - (start % page); at < end && !recorder.into.isFull; ) {
    const mapping = memory.translate(at);
    if (!mapping) {
      at += page;
      continue;
    }
    const runBytes = Math.min(Number(end - at), mapping.lengthBytes);
    const pages = Math.max(1, Math.ceil(runBytes / Number(page)));
    const first = Math.floor(mapping.paddr / Number(page));
    for (let i = 0; i < pages; i++) recorder.into.add(first + i);
    at += BigInt(pages) * page;
  }
}

/** The page of an address, as `addRange` does for many. */
export function addPage({ kernel: { memory }, recorder }: Subject, address: bigint): void {
  const mapping = memory.translate(address);
  if (mapping) recorder.into.add(Math.floor(mapping.paddr / memory.arch.pageSizeBytes));
}

/** A structure whose type is known. @throws AutopsyError for an unknown type. */
export function addStruct(subject: Subject, address: bigint, type: string): void {
  if (address !== 0n) addRange(subject, address, subject.kernel.types.size(type));
}

/** What the words of a range point to: one page each. */
export function addPointees(subject: Subject, start: bigint, lengthBytes: number): void {
  for (const pointer of pointersIn(subject, start, lengthBytes)) addPage(subject, pointer);
}

/** The words of a range that may be kernel addresses. */
export function pointersIn(subject: Subject, start: bigint, lengthBytes: number): bigint[] {
  const pointers: bigint[] = [];
  eachPointer(subject, start, lengthBytes, (high, low) => {
    pointers.push((BigInt(high) << 32n) | BigInt(low));
  });
  return pointers;
}

/** The virtual pages that these words point to, each once: some words of a structure are in hundreds of others, too. */
export function pagesPointedTo(subject: Subject, start: bigint, lengthBytes: number): bigint[] {
  const { pageShift } = subject.kernel.memory.arch;
  const pagesPerHigh = 2 ** (32 - pageShift);
  const numbers = new Set<number>();
  eachPointer(subject, start, lengthBytes, (high, low) => {
    numbers.add(high * pagesPerHigh + (low >>> pageShift));
  });
  return [...numbers].map(number => BigInt(number) << BigInt(pageShift));
}

/** @param found gets the halves of each: no bigint is made of a word. */
function eachPointer(
  { kernel: { memory } }: Subject,
  start: bigint,
  lengthBytes: number,
  found: (high: number, low: number) => void,
): void {
  const { pointers, pageSizeBytes } = memory.arch;
  const bytes = new Uint8Array(pageSizeBytes);
  // The kernel's are the addresses with the highest bit. As signed numbers their halves are small, and small ones are no objects.
  const halves = new Int32Array(bytes.buffer);
  const lowestHigh = pointers.lowestHigh | 0;
  // Most pages of a long table are empty.
  const empty = lengthBytes > pageSizeBytes ? Buffer.alloc(pageSizeBytes) : undefined;
  for (let done = 0; done < lengthBytes; done += pageSizeBytes) {
    const wanted = Math.min(pageSizeBytes, lengthBytes - done);
    const held = memory.readVirtualUpTo(start + BigInt(done), bytes.subarray(0, wanted));
    if (empty?.compare(bytes, 0, held, 0, held) === 0) continue;
    const end = Math.floor(held / POINTER_BYTES) * 2;
    for (let i = 1; i < end; i += 2) {
      const high = halves[i]!;
      if (high < 0 && high >= lowestHigh) found(high >>> 0, halves[i - 1]! >>> 0);
    }
  }
}
