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

/** A structure whose type is known. @throws AutopsyError for an unknown type. */
export function addStruct(subject: Subject, address: bigint, type: string): void {
  if (address !== 0n) addRange(subject, address, subject.kernel.types.size(type));
}

/** What the words of a range point to: one page each. */
export function addPointees(subject: Subject, start: bigint, lengthBytes: number): void {
  for (const pointer of pointersIn(subject, start, lengthBytes)) addRange(subject, pointer, 1);
}

/** The words of a range that may be kernel addresses. */
export function* pointersIn(
  { kernel: { memory } }: Subject,
  start: bigint,
  lengthBytes: number,
): Generator<bigint> {
  const { pointers, pageSizeBytes } = memory.arch;
  const bytes = new Uint8Array(pageSizeBytes);
  const view = new DataView(bytes.buffer);
  const halves = new Uint32Array(bytes.buffer);
  for (let done = 0; done < lengthBytes; done += pageSizeBytes) {
    const wanted = Math.min(pageSizeBytes, lengthBytes - done);
    const held = memory.readVirtualUpTo(start + BigInt(done), bytes.subarray(0, wanted));
    for (let at = 0; at + POINTER_BYTES <= held; at += POINTER_BYTES)
      if (halves[(at >> 2) + 1]! >= pointers.lowestHigh) yield view.getBigUint64(at, true);
  }
}
