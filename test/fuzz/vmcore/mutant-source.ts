/** A vmcore with changes laid over it, so that a mutant of a large file costs nothing; counts what is read of it. */
import { SystemError } from '../../../capture/errors.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';

export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface Mutation {
  /** For the reproducer. */
  readonly label: string;
  readonly patches?: readonly Patch[];
  /** Where the file ends. */
  readonly sizeBytes?: number;
  /** Reads that touch it fail with EIO. */
  readonly bad?: ByteRange;
}

/** Far more than any capture of a base needs: what comes here would not end. */
const MOST_READS = 2_000_000;

export class MutantSource implements ByteSource {
  readonly name = 'mutant';
  readonly sizeBytes: number;
  readonly maxWindowBytes: number;
  readonly #base: ByteSource;
  readonly #patches: readonly Patch[];
  readonly #bad: readonly ByteRange[];
  reads = 0;

  constructor(base: ByteSource, mutations: readonly Mutation[]) {
    this.#base = base;
    this.maxWindowBytes = Math.min(base.maxWindowBytes, 4 << 20);
    this.#patches = mutations.flatMap(({ patches = [] }) => patches);
    this.#bad = mutations.flatMap(({ bad }) => (bad ? [bad] : []));
    this.sizeBytes = Math.min(
      base.sizeBytes,
      ...mutations.map(({ sizeBytes = base.sizeBytes }) => sizeBytes),
    );
  }

  /** Whether it was read so often that it looks like a loop. */
  get isExhausted(): boolean {
    return this.reads > MOST_READS;
  }

  readAt(into: Uint8Array, offset: number): number {
    this.#check(offset, into.length);
    const lengthBytes = Math.max(0, Math.min(into.length, this.sizeBytes - offset));
    const part = into.subarray(0, lengthBytes);
    this.#base.readAt(part, offset);
    this.#apply(part, offset);
    return lengthBytes;
  }

  window(offset: number, lengthBytes: number): Uint8Array {
    if (lengthBytes > this.maxWindowBytes || offset < 0 || offset + lengthBytes > this.sizeBytes)
      throw new RangeError(`no window of ${lengthBytes} bytes at ${offset}`);
    this.#check(offset, lengthBytes);
    const window = this.#base.window(offset, lengthBytes);
    if (!this.#patches.some(patch => overlaps(patch, offset, lengthBytes))) return window;
    // The alignment of the original, and no small array that V8 may move: codecs take its address.
    const room = new Uint8Array(Math.max(4096, lengthBytes + 8));
    const copy = room.subarray(window.byteOffset % 8, (window.byteOffset % 8) + lengthBytes);
    copy.set(window);
    this.#apply(copy, offset);
    return copy;
  }

  /** As read(2) and a mapping do: no negative or broken offsets, EIO on bad places. */
  #check(offset: number, lengthBytes: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`offset ${offset}`);
    if (++this.reads > MOST_READS) throw new Error('this mutant is read for ever');
    for (const { start, end } of this.#bad) {
      if (start >= offset + lengthBytes || end <= offset) continue;
      throw new SystemError('READ_FAILED', { action: 'read the vmcore', actual: 'EIO' }, { offset });
    }
  }

  #apply(into: Uint8Array, offset: number): void {
    for (const patch of this.#patches) {
      if (!overlaps(patch, offset, into.length)) continue;
      const from = Math.max(0, offset - patch.offset);
      const part = patch.bytes.subarray(from, offset + into.length - patch.offset);
      into.set(part, patch.offset + from - offset);
    }
  }
}

function overlaps({ offset, bytes }: Patch, start: number, lengthBytes: number): boolean {
  return offset < start + lengthBytes && offset + bytes.length > start;
}
